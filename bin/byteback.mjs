#!/usr/lib/byteback/node --max-semi-space-size=4
// Launcher: sends each name that byteback is called by to the smallest bundle that can do the job.
// A million rows that pass through leave a third less behind in a young generation of that size, and are no slower.
import { enableCompileCache } from "node:module"
import { join } from "node:path"
import { version } from "../src/domain/version.ts"

const name = process.argv[1]?.split("/").at(-1) ?? ""
const args = process.argv.slice(2)

if (args.length === 1 && args[0] === "--version") {
  process.stdout.write(`byteback ${version}\n`)
} else {
  // What the build compiled lies beside this file; compiling it anew is half of a start.
  enableCompileCache({ directory: join(import.meta.dirname, "compiled"), portable: true })
  if (name === "byteback-receive") void import("./receive.ts").then(({ receive }) => receive(args))
  else if (name === "byteback-priv") void import("./priv.ts").then(({ priv }) => priv(args))
  else void import("../src/main.ts").then(({ main }) => main(name, args))
}
