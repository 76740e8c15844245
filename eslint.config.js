import js from "@eslint/js";
import hooks from "eslint-plugin-react-hooks";
import sortImports from "eslint-plugin-simple-import-sort";
import globals from "globals";
import ts from "typescript-eslint";

/** Each group of rules says what it is for. */
export default ts.config(
  {
    ignores: [
      "**/node_modules/",
      "**/dist/",
      "coverage/",
      ".data/",
      "admin/public/",
    ],
  },
  js.configs.recommended,
  { languageOptions: { globals: { ...globals.node } } },

  // Imports in one order, so that merges do not fight over it.
  {
    plugins: { "simple-import-sort": sortImports },
    rules: {
      "simple-import-sort/imports": "error",
      "simple-import-sort/exports": "error",
    },
  },

  // TypeScript, with its types: a promise nobody waits for is a lost error.
  {
    files: ["**/*.ts", "**/*.tsx"],
    extends: [ts.configs.recommended],
    languageOptions: {
      parserOptions: {
        project: ["./tsconfig.json", "./tsconfig.admin.json"],
        tsconfigRootDir: import.meta.dirname,
      },
    },
    rules: {
      "@typescript-eslint/consistent-type-imports": [
        "error",
        { fixStyle: "inline-type-imports" },
      ],
      "@typescript-eslint/no-explicit-any": "error",
      "@typescript-eslint/no-floating-promises": "error",
      "@typescript-eslint/no-misused-promises": [
        "error",
        // An async event handler of a component is fine.
        { checksVoidReturn: { attributes: false } },
      ],
      "@typescript-eslint/no-unused-vars": [
        "error",
        { argsIgnorePattern: "^_", varsIgnorePattern: "^_" },
      ],
      // Widening the types of Graphile is done in namespaces.
      "@typescript-eslint/no-namespace": ["error", { allowDeclarations: true }],
      "@typescript-eslint/consistent-type-definitions": ["error", "type"],
      "no-undef": "off",
    },
  },
  // Interfaces only where declarations must merge with a library's.
  {
    files: ["server/graphile/**/*.ts"],
    rules: { "@typescript-eslint/consistent-type-definitions": "off" },
  },

  // Hooks break silently when their rules are broken.
  {
    files: ["admin/**/*.tsx", "admin/**/*.ts"],
    extends: [hooks.configs.flat.recommended],
    languageOptions: { globals: { ...globals.browser } },
  },

  // A focused or skipped test hides all the others.
  {
    files: ["test/**/*.ts", "test/**/*.tsx", "packages/**/*.test.ts"],
    rules: {
      "no-restricted-syntax": [
        "error",
        {
          selector:
            "CallExpression[callee.object.name=/^(describe|it|test)$/][callee.property.name=/^(only|skip|todo)$/]",
          message: "No focused, skipped or planned tests.",
        },
        {
          selector:
            "CallExpression[callee.name=/^(fit|fdescribe|xit|xdescribe|xtest)$/]",
          message: "No focused or skipped tests.",
        },
      ],
    },
  },

  // Standard output belongs to command-line tools; servers use the log.
  {
    files: ["server/**/*.ts"],
    ignores: ["server/cli/**", "server/main.ts"],
    rules: { "no-console": "error" },
  },
);
