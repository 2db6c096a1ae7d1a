// The sandbox's filter, run call by call through an interpreter of the kernel's little machine.
import { assert, describe, it } from "@effect/vitest"
import * as fc from "fast-check"
import { denied, seccompFilter } from "../../src/domain/seccomp.ts"

const actions = { allow: 0x7fff0000, eperm: 0x00050001, enosys: 0x00050026, kill: 0x80000000 }

/** What the kernel would do with a call: struct seccomp_data in, an action out. */
const run = (program: Uint8Array, call: { nr: number; arch: number; args?: ReadonlyArray<bigint> }): number => {
  const code = new DataView(program.buffer, program.byteOffset, program.byteLength)
  const data = new DataView(new ArrayBuffer(64))
  data.setUint32(0, call.nr, true)
  data.setUint32(4, call.arch, true)
  ;(call.args ?? []).forEach((arg, index) => data.setBigUint64(16 + 8 * index, arg, true))
  let accumulator = 0
  for (let at = 0; ; at += 1) {
    const k = code.getUint32(at * 8 + 4, true)
    const jump = (holds: boolean) => (at += code.getUint8(at * 8 + (holds ? 2 : 3)))
    switch (code.getUint16(at * 8, true)) {
      case 0x20:
        accumulator = data.getUint32(k, true)
        break
      case 0x54:
        accumulator = (accumulator & k) >>> 0
        break
      case 0x15:
        jump(accumulator === k)
        break
      case 0x35:
        jump(accumulator >= k)
        break
      case 0x05:
        at += k
        break
      case 0x06:
        return k
      default:
        assert.fail(`instruction ${at} is none that the kernel takes`)
    }
  }
}

const machines = {
  x64: { arch: 0xc000003e, read: 0, ioctl: 16, clone: 56, clone3: 435, socketpair: 53, column: 1 },
  arm64: { arch: 0xc00000b7, read: 63, ioctl: 29, clone: 220, clone3: 435, socketpair: 199, column: 2 }
} as const

describe.each(["x64", "arm64"] as const)("the filter for %s", (processor) => {
  const { arch, read, ioctl, clone, clone3, socketpair, column } = machines[processor]
  const filter = seccompFilter(processor)
  const call = (nr: number, ...args: ReadonlyArray<bigint>) => run(filter, { nr, arch, args })

  it("refuses every call of the list, and lets every other pass", () => {
    const numbers = new Set(denied.map((one) => one[column]).filter((nr) => nr !== null))
    for (let nr = 0; nr < 600; nr += 1) {
      if (nr === ioctl || nr === clone || nr === clone3 || nr === socketpair) continue
      assert.strictEqual(call(nr), numbers.has(nr) ? actions.eperm : actions.allow, `call ${nr}`)
    }
    assert.strictEqual(call(read), actions.allow)
  })

  it("refuses the ioctls of btrfs, and those that type into a terminal, whatever stands above the low word, and no others", () => {
    const typing = [0x5412n, 0x541cn]
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }), (command) => {
        const type = Number((command >> 8n) & 0xffn)
        const refused = type === 0x94 || typing.includes(command & 0xffffffffn)
        assert.strictEqual(call(ioctl, 3n, command), refused ? actions.eperm : actions.allow)
        for (const one of typing) {
          assert.strictEqual(call(ioctl, 0n, (command & ~0xffffffffn) | one), actions.eperm)
          assert.strictEqual(call(ioctl, 0n, (command & ~0xffffffffn) | (one + 1n)), actions.allow, "its neighbour")
        }
        const ofBtrfs = (command & ~0xff00n) | 0x9400n
        assert.strictEqual(call(ioctl, 3n, ofBtrfs), actions.eperm)
      })
    )
  })

  it("lets threads and children be made, but no namespace", () => {
    assert.strictEqual(call(clone, 17n), actions.allow)
    assert.strictEqual(call(clone, 0x3d0f00n), actions.allow, "as pthread_create asks")
    for (const namespace of [0x00020000n, 0x02000000n, 0x04000000n, 0x08000000n, 0x10000000n, 0x20000000n, 0x40000000n])
      assert.strictEqual(call(clone, 17n | namespace), actions.eperm)
    assert.strictEqual(call(clone3), actions.enosys)
  })

  it("lets pairs of local sockets be made, and no others", () => {
    assert.strictEqual(call(socketpair, 1n), actions.allow)
    for (const family of [0n, 2n, 10n, 16n, 40n]) assert.strictEqual(call(socketpair, family), actions.eperm)
  })

  it("ends a process that calls by another convention", () => {
    for (const other of [0x40000003, 0x40000028, 0, machines[processor === "x64" ? "arm64" : "x64"].arch])
      assert.strictEqual(run(filter, { nr: read, arch: other }), actions.kill)
    if (processor === "x64") assert.strictEqual(call(0x40000000), actions.kill, "x32")
  })
})
