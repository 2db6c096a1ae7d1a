// Ciphers: AES first where the processor does it by itself, ssh's own order elsewhere, and never one less than ssh offers.
import { execFileSync } from "node:child_process"
import { assert, describe, it } from "@effect/vitest"
import { ciphersFor } from "../../src/domain/ciphers.ts"

const x86 = (flags: string) =>
  `processor\t: 0\nvendor_id\t: AuthenticAMD\nflags\t\t: fpu vme ${flags} sse2\nbugs\t\t: x\n`

describe("the ciphers of a session", () => {
  it("begin with AES where the first processor has it", () => {
    const arm =
      "processor\t: 0\nBogoMIPS\t: 50.00\nFeatures\t: fp asimd evtstrm aes pmull sha1\nCPU implementer\t: 0x41\n"
    for (const cpuinfo of [x86("aes"), arm]) assert.match(ciphersFor(cpuinfo) ?? "", /^aes128-gcm@openssh\.com,/)
  })

  it("are ssh's own where it has not, or nobody can tell", () => {
    const pi = "processor\t: 0\nFeatures\t: fp asimd evtstrm crc32 cpuid\n"
    for (const cpuinfo of [x86("vaes_not aes512"), pi, "", "model name\t: aes\n"]) assert.isNull(ciphersFor(cpuinfo))
  })

  it("are those that ssh offers by itself, none less, so that every server that could be reached still can", () => {
    const said = execFileSync("ssh", ["-F", "none", "-G", "host"], { encoding: "utf8" })
    const own = /^ciphers (.*)$/m.exec(said)?.[1]?.split(",") ?? []
    assert.isNotEmpty(own)
    assert.sameMembers([...(ciphersFor(x86("aes")) ?? "").split(",")], own)
  })
})
