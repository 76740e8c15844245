// Plain JavaScript, so that an old Node says what is wrong with it instead of
// stumbling over the first TypeScript file.
const major = Number(process.versions.node.split(".", 1)[0]);
if (major < 24) {
  console.error(
    `This is Node ${process.versions.node} (${process.execPath}), and at least 24 is needed.\n` +
      'Start with "npm start": it runs the Node that "npm ci" installed in node_modules.\n' +
      'If it still runs this one, allow the install scripts and run "npm ci" again.',
  );
  process.exitCode = 1;
} else {
  await import("./main.ts");
}
