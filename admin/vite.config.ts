import { fileURLToPath } from "node:url";

import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

const server = process.env.CLOSETAI_SERVER_URL ?? "http://127.0.0.1:5678";

/** Paths the Express server answers while Vite serves the admin itself. */
const proxied = [
  "/graphql",
  "/auth",
  "/catalog.json",
  "/files",
  "/illustrations",
  "/imports",
  "/exports",
];

export default defineConfig({
  root: fileURLToPath(new URL(".", import.meta.url)),
  base: "/admin/",
  plugins: [react()],
  build: {
    outDir: "dist",
    emptyOutDir: true,
    // A source map would publish the source (HARDENING section 6).
    sourcemap: false,
    // A font inside a style sheet would need `font-src data:`.
    assetsInlineLimit: 0,
    chunkSizeWarningLimit: 900,
    rolldownOptions: {
      output: {
        codeSplitting: {
          groups: [
            {
              name: "react",
              test: /node_modules[\\/](react|react-dom|scheduler|react-router|react-router-dom)[\\/]/,
              priority: 30,
            },
            {
              name: "mui",
              test: /node_modules[\\/](@mui|@emotion|@popperjs)[\\/]/,
              priority: 20,
            },
            {
              name: "charts",
              test: /node_modules[\\/](echarts|zrender)[\\/]/,
              priority: 25,
            },
          ],
        },
      },
    },
  },
  server: {
    port: Number(process.env.ADMIN_PORT ?? 5173),
    proxy: Object.fromEntries(
      proxied.map((path) => [
        path,
        // The server compares Origin with its own address on cookie requests.
        { target: server, changeOrigin: true, ws: path === "/graphql" },
      ]),
    ),
  },
});
