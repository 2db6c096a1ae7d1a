// What OpenSSH says when it ends with 255, and what that means.
import { assert, describe, it } from "@effect/vitest"
import { sshFailure, sshMayPass, type SshReason } from "../../src/domain/sshFailure.ts"

/** stderr of OpenSSH 9.2 before a session stood, as seen. */
const seen: ReadonlyArray<readonly [string, SshReason]> = [
  ["ssh: Could not resolve hostname nosuch.invalid: Name or service not known", "unknown-name"],
  ["ssh: Could not resolve hostname backup: Temporary failure in name resolution", "unreachable"],
  ["ssh: connect to host 127.0.0.1 port 1: Connection refused", "unreachable"],
  ["ssh: connect to host 10.77.0.9 port 22: No route to host", "unreachable"],
  ["ssh: connect to host 10.255.255.1 port 22: Connection timed out", "timeout"],
  ["Connection timed out during banner exchange\nConnection to 10.255.255.1 port 22 timed out", "timeout"],
  [
    "No ED25519 host key is known for [127.0.0.1]:2222 and you have requested strict checking.\nHost key verification failed.",
    "host-key-unknown"
  ],
  [
    "@@@@\n@    WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!     @\n@@@@\nHost key verification failed.",
    "host-key-changed"
  ],
  ["byteback@127.0.0.1: Permission denied (publickey).", "key-refused"],
  ["Received disconnect from 10.0.0.1 port 22:2: Too many authentication failures", "key-refused"],
  ["@ WARNING: UNPROTECTED PRIVATE KEY FILE! @\nbyteback@h: Permission denied (publickey).", "key-refused"],
  ["kex_exchange_identification: Connection closed by remote host\nConnection closed by 10.0.0.1 port 22", "refused"],
  ["kex_exchange_identification: read: Connection reset by peer", "refused"],
  ["Connection closed by 10.0.0.1 port 22", "refused"],
  ["what nobody has seen yet", "failed"]
]

describe("ssh's last words", () => {
  for (const [stderr, reason] of seen) {
    it(`${reason}: ${stderr.split("\n").at(-1)}`, () => assert.strictEqual(sshFailure(stderr, false), reason))
  }
  it("mean a lost connection once there was one", () => {
    for (const stderr of [
      "",
      "mux_client_request_session: read from master failed: Broken pipe",
      "Connection to 10.0.0.1 closed by remote host.",
      "client_loop: send disconnect: Broken pipe"
    ]) {
      assert.strictEqual(sshFailure(stderr, true), "lost")
    }
    assert.strictEqual(sshFailure("Timeout, server 10.0.0.1 not responding.", true), "timeout")
  })
  it("may pass by themselves only where no person has to change anything", () => {
    for (const [, reason] of seen) {
      assert.strictEqual(sshMayPass(reason), ["unreachable", "timeout", "refused"].includes(reason), reason)
    }
    assert.isTrue(sshMayPass("lost"))
  })
})
