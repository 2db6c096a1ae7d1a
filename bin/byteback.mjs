#!/usr/lib/byteback/node
// Launcher: sends each name that byteback is called by to the smallest bundle that can do the job.
import { version } from "../src/domain/version.ts"

const name = process.argv[1]?.split("/").at(-1) ?? ""
const args = process.argv.slice(2)

if (name === "byteback-receive") {
  const { receive } = await import("./receive.ts")
  await receive(args)
} else if (name === "byteback-priv") {
  const { priv } = await import("./priv.ts")
  await priv(args)
} else if (args.length === 1 && args[0] === "--version") {
  process.stdout.write(`byteback ${version}\n`)
} else {
  const { main } = await import("../src/main.ts")
  main(name, args)
}
