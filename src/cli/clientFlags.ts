// The flags that every client command shares, and the settings that they come to.
import { Option } from "effect"
import { Flag } from "effect/cli"
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
