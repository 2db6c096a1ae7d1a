// The flags that every client command shares, and the settings that they come to.
import { Option } from "effect"
import { Flag } from "effect/cli"
import { isHostName } from "../domain/hostName.ts"
import { type RawSettings, settingsOfFlags } from "../domain/clientSettings.ts"

export const json = Flag.Boolean("json").pipe(
  Flag.withDefault(false),
  Flag.withDescription("print JSON on stdout and nothing else")
)

export const verbose = Flag.Boolean("verbose").pipe(
  Flag.withAlias("v"),
  Flag.withDefault(false),
  Flag.withDescription("name each file")
)

export const quiet = Flag.Boolean("quiet").pipe(
  Flag.withAlias("q"),
  Flag.withDefault(false),
  Flag.withDescription("say nothing unless something is wrong")
)

/** Where the server is and how to log in. */
export const serverFlags = {
  destination: Flag.String("destination").pipe(
    Flag.withAlias("d"),
    Flag.optional,
    Flag.withDescription("the server: [user@]host: or ssh://user@host:port/")
  ),
  sshKey: Flag.String("ssh-key").pipe(Flag.optional, Flag.withDescription("the private key to log in with")),
  ioTimeout: Flag.String("io-timeout").pipe(
    Flag.optional,
    Flag.withDescription("seconds without any traffic after which to give up")
  )
}

/** On the server: whose backups. What a program's `host` option takes is `Option.getOrUndefined` of it. */
export const host = Flag.String("host").pipe(
  Flag.filterMap(
    (text) => (isHostName(text) ? Option.some(text) : Option.none()),
    (text) => `Expected the name of a host, got ${JSON.stringify(text)}`
  ),
  Flag.optional,
  Flag.withDescription("on the server, as root: the host whose backups to read, without its key")
)

/** The command line's word on the settings. */
export const settingsOf = (
  flags: {
    readonly destination: Option.Option<string>
    readonly sshKey: Option.Option<string>
    readonly ioTimeout: Option.Option<string>
  },
  excludes: ReadonlyArray<string> = []
): RawSettings =>
  settingsOfFlags({
    destination: Option.getOrUndefined(flags.destination),
    key: Option.getOrUndefined(flags.sshKey),
    io_timeout: Option.getOrUndefined(flags.ioTimeout),
    excludes: excludes.length === 0 ? undefined : excludes.join("\n")
  })
