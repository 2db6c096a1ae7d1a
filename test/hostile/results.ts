// The table of what was tried and what came of it, which the suite writes itself.
import { readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"

const file = join(import.meta.dirname, "RESULTS.md")
const rows = new Map<string, string>()

const cell = (text: string) => text.replaceAll("\\", "\\\\").replaceAll("|", "\\|").replaceAll("\n", " ")

/** Notes how an attack ended: an exit code and our words, or what was seen to hold. No times, no pids. */
export const record = (area: string, attack: string, outcome: string): void => {
  const key = `| ${cell(area)} | ${cell(attack)} |`
  if (rows.has(key)) throw new Error(`two attacks are called ${key}`)
  rows.set(key, ` ${cell(outcome)} |`)
}

/**
 * Writes the table, once there is a row of every attack that there is; answers with what stood there before, and what stands there now.
 */
export const writeResults = (attacks: number): { readonly before: string; readonly now: string } => {
  if (rows.size !== attacks)
    throw new Error(`only ${rows.size} of ${attacks} attacks ended well, so RESULTS.md was left`)
  let before = ""
  try {
    before = readFileSync(file, "utf8")
  } catch {
    // the first run
  }
  const now = `# What a hostile client, server or neighbour was seen to achieve

Written by \`npm run test:hostile\` from a run on real sshd, sudo, rsync, bubblewrap and btrfs. After each line: every
snapshot's tree, owner and read-only flag were what they had been, and no secret of another host or of the server was in
any byte that the attacker saw. ${rows.size} attacks.

| where | attack | what came of it |
| --- | --- | --- |
${[...rows].map(([key, outcome]) => key + outcome).join("\n")}
`
  writeFileSync(file, now)
  return { before, now }
}
