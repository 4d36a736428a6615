// Joins the modules of each view into one file under ../static, which is committed: installing needs no Node.
import { build } from "esbuild";

await build({
  entryPoints: ["run_view", "chat_view", "session_picker", "case_grid", "workbench", "compare_view"].flatMap((view) => [`src/${view}.js`, `src/${view}.css`]),
  outdir: "../static",
  bundle: true,
  format: "esm",
  target: "es2022",
  charset: "utf8",
  legalComments: "none",
  // Every saved notebook may hold the files, so they are made small; names stay, for readable errors.
  minifyWhitespace: true,
  minifySyntax: true,
  banner: { js: "// Built from convsim_nb/notebook/js: do not edit.", css: "/* Built from convsim_nb/notebook/js: do not edit. */" },
});
