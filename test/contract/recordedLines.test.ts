// The lines that rsync's clients were recorded to send are those that they send: each recorded afresh from the real rsyncs.
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import { spawnSync } from "node:child_process"
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { recordings, versions } from "../domain/request/recorded.ts"
import { oldRsync } from "../lab/oldRsync.ts"

/** In the place of ssh: keeps the words as sshd would hand them on and, of a client with -s, what it says next. */
const recorder = `#!/usr/bin/perl
shift;
sub keep { open my $file, ">", shift or die; print $file @_; close $file or die }
keep("line", "@ARGV");
if ("@ARGV" =~ / -s/) {
  my $said = "";
  while (sysread STDIN, $_, 1) { $said .= $_; last if $said =~ /\\0\\0\\z/ }
  keep("secluded", $said);
}
`

/** The machine's own rsync where it is of that version, else Debian's; null where neither is to be had. */
const program = (version: string): Uint8Array | string | null =>
  spawnSync("rsync", ["--version"], { encoding: "utf8" }).stdout?.includes(`version ${version} `) === true
    ? "rsync"
    : oldRsync(version)

for (const version of versions) {
  const found = program(version)
  if (found === null) console.warn(`test/contract/recordedLines: rsync ${version} cannot be had from apt here; skipped`)
  describe.skipIf(found === null)(`rsync ${version}`, () => {
    let directory = ""
    const at = (name: string) => join(directory, name)
    const rsync = () => (typeof found === "string" ? found : at("rsync"))
    beforeAll(() => {
      directory = mkdtempSync(join(tmpdir(), "byteback-lines-"))
      writeFileSync(at("rsh"), recorder, { mode: 0o755 })
      if (found !== null && typeof found !== "string") writeFileSync(at("rsync"), found, { mode: 0o755 })
    })
    afterAll(() => rmSync(directory, { recursive: true, force: true }))

    it("is that version", () => {
      const { stdout } = spawnSync(rsync(), ["--version"], { encoding: "utf8" })
      assert.include(stdout, `version ${version} `)
    })

    for (const { argv, asked, line, secluded } of recordings.filter(({ only = version }) => only === version))
      it(asked, () => {
        for (const name of ["line", "secluded"]) rmSync(at(name), { force: true })
        const { stderr } = spawnSync(rsync(), argv(at("rsh")), {
          cwd: directory,
          input: "",
          encoding: "utf8",
          env: { PATH: "/usr/bin:/bin", LANG: "C.UTF-8" }
        })
        assert.isTrue(existsSync(at("line")), stderr)
        assert.strictEqual(readFileSync(at("line"), "utf8"), line)
        const sent = existsSync(at("secluded")) ? readFileSync(at("secluded"), "utf8") : undefined
        assert.strictEqual(sent, secluded === undefined ? undefined : `${secluded.join("\0")}\0\0`)
      })
  })
}
