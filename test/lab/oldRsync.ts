// The rsync of an older Debian, beside the machine's own: downloaded once by apt, unpacked, never installed.
import { spawnSync } from "node:child_process"
import { existsSync, mkdirSync, readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"

/** The program as bytes, to be written into a machine of the lab; null where apt has no such version. */
export const oldRsync = (version: string): Uint8Array | null => {
  const directory = join(import.meta.dirname, "../../node_modules/.cache/byteback", `rsync-${version}`)
  const program = join(directory, "usr/bin/rsync")
  if (!existsSync(program)) {
    const run = (name: string, ...args: ReadonlyArray<string>) =>
      spawnSync(name, args, { cwd: directory, encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).stdout ?? ""
    mkdirSync(directory, { recursive: true })
    const offered = run("apt-cache", "madison", "rsync")
      .split("\n")
      .map((line) => line.split("|")[1]?.trim() ?? "")
      .find((one) => one.startsWith(`${version}-`) || one.startsWith(`${version}+`))
    if (offered === undefined) return null
    run("apt-get", "download", "-qq", `rsync=${offered}`)
    const file = readdirSync(directory).find((name) => name.endsWith(".deb"))
    if (file !== undefined) run("dpkg", "-x", file, directory)
  }
  return existsSync(program) ? readFileSync(program) : null
}
