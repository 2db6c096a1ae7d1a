// Installs the built byteback and the Node runtime that it needs: node packaging/install.mjs [--root DIR] [--dist DIR].
// Runs on the machine's own Node (20 or newer) and uses nothing but that. What goes where is in layout.json.
import fs from "node:fs"
import path from "node:path"
import process from "node:process"
import { parseArgs } from "node:util"

const project = path.dirname(import.meta.dirname)
const layout = JSON.parse(fs.readFileSync(path.join(import.meta.dirname, "layout.json"), "utf8"))

/** One clear line, and nothing has been changed. */
const refuse = (line) => {
  process.stderr.write(`install: ${line}\n`)
  process.exit(2)
}

/** Puts a file in place in one step: whoever runs the old one keeps it, and nobody sees half of the new one. */
const put = (target, mode, write) => {
  const next = `${target}.new`
  fs.rmSync(next, { force: true })
  write(next)
  if (mode !== undefined) fs.chmodSync(next, mode)
  if (process.getuid() === 0) fs.lchownSync(next, 0, 0)
  fs.renameSync(next, target)
}

const options = () => {
  try {
    return parseArgs({ options: { root: { type: "string", default: "/" }, dist: { type: "string" } } }).values
  } catch (error) {
    return refuse(`${error.message}; usage: install.mjs [--root DIR] [--dist DIR]`)
  }
}

const { root, dist = path.join(project, "dist") } = options()
const libdir = path.join(root, layout.libdir)
const bindir = path.join(root, layout.bindir)
const runtime = path.join(project, "node_modules", `node-linux-${process.arch}`, "bin", "node")

if (!fs.existsSync(path.join(dist, layout.program)))
  refuse(`there is no ${layout.program} in ${dist}; run npm run build first`)
if (!fs.existsSync(runtime)) refuse(`there is no Node runtime at ${runtime}; run npm ci first`)
if (path.resolve(root) === "/" && process.getuid() !== 0)
  refuse("installing into / needs root; use sudo, or --root DIR")
for (const name of layout.links) {
  const there = fs.lstatSync(path.join(bindir, name), { throwIfNoEntry: false })
  if (there && !there.isSymbolicLink())
    refuse(`${path.join(bindir, name)} is a file that this did not install; move it away first`)
}

process.umask(0o022)
for (const directory of [libdir, bindir]) fs.mkdirSync(directory, { recursive: true, mode: 0o755 })

const installed = new Set(["node", layout.helper, ...layout.scripts])
put(path.join(libdir, "node"), 0o755, (next) => fs.copyFileSync(runtime, next))
for (const entry of fs.readdirSync(dist, { recursive: true, withFileTypes: true })) {
  const source = path.join(entry.parentPath ?? entry.path, entry.name)
  const name = path.relative(dist, source)
  const target = path.join(libdir, name)
  installed.add(name)
  if (entry.isDirectory()) fs.mkdirSync(target, { recursive: true, mode: 0o755 })
  else put(target, name === layout.program ? 0o755 : 0o644, (next) => fs.copyFileSync(source, next))
}
for (const name of layout.scripts) {
  put(path.join(libdir, name), 0o755, (next) => fs.copyFileSync(path.join(import.meta.dirname, name), next))
}
put(path.join(libdir, layout.helper), undefined, (next) => fs.symlinkSync(layout.program, next))
// What an older version left, last: until here it was still whole.
for (const name of fs.readdirSync(libdir)) {
  if (!installed.has(name)) fs.rmSync(path.join(libdir, name), { recursive: true })
}
for (const name of layout.links) {
  put(path.join(bindir, name), undefined, (next) =>
    fs.symlinkSync(path.posix.join(layout.libdir, layout.program), next)
  )
}
// A machine without systemd prunes after and before each backup all the same.
const unitdir = path.join(root, layout.unitdir)
if (fs.existsSync(unitdir)) {
  for (const name of layout.units) {
    put(path.join(unitdir, name), 0o644, (next) =>
      fs.copyFileSync(path.join(import.meta.dirname, "systemd", name), next)
    )
  }
}
process.stdout.write(`installed in ${libdir}, with links in ${bindir}\n`)
