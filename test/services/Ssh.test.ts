// The in-memory Ssh keeps the contract.
import { Layer } from "effect"
import { Ssh } from "../../src/services/Ssh.ts"
import { SshSite, suite } from "./Ssh.contract.ts"

const target = (user: string, host: string) => ({ user, host, keyFile: "/key", knownHosts: "/known_hosts" })

suite(
  "Ssh in memory",
  Layer.merge(
    Ssh.layerFake({
      backup: {
        refuses: ({ user }) => (user === "stranger" ? "key-refused" : null),
        answer: (command, stdin) =>
          command === "cat"
            ? { text: String(stdin) }
            : { code: command === "drop" ? 255 : Number(command.split(" ")[1]) }
      },
      impostor: { refuses: () => "host-key-changed", answer: () => ({}) }
    }),
    Layer.succeed(SshSite, {
      enrolled: target("byteback", "backup"),
      barred: [
        ["key-refused", target("stranger", "backup")],
        ["host-key-changed", target("byteback", "impostor")],
        ["unknown-name", target("byteback", "nosuchhost.invalid")]
      ],
      drop: "drop",
      keyPath: "/etc/byteback/key"
    })
  )
)
