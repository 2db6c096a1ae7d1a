// Whom byteback is compared with: a user of the server, `bare`, as whom the client's plain rsync logs in over the same sshd.
import { Effect } from "effect"
import type { Machine } from "../test/lab/Lab.ts"

/** Its home; what is to be pushed to or pulled from is mounted there. */
export const bareHome = "/mnt/bare"

/** The remote shell for rsync. */
export const bareShell =
  "ssh -i /root/bare -o UserKnownHostsFile=/etc/byteback/known_hosts -o StrictHostKeyChecking=yes -l bare"

export const bareUser = Effect.fn("bareUser")(function* (server: Machine, client: Machine) {
  yield* client.ok(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", "/root/bare"])
  yield* server.ok(["useradd", "--home-dir", bareHome, "--shell", "/bin/sh", "bare"])
  yield* server.ok(["mkdir", "-p", bareHome])
  yield* server.write("/etc/bare/keys", yield* client.read("/root/bare.pub"))
  yield* server.write(
    "/etc/ssh/sshd_config.d/bare.conf",
    "Match User bare\n  AuthorizedKeysFile /etc/bare/keys\nMatch all\n"
  )
  yield* server.sshd
})
