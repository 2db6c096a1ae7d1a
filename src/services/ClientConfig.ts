// The client's configuration: one value a file, below the environment and the command line.
import { Context, type Effect } from "effect"
import type { ClientSettings, ConfigError, RawSettings } from "../domain/clientSettings.ts"
import type { InvalidDestination } from "../domain/destination.ts"

export class ClientConfig extends Context.Service<
  ClientConfig,
  {
    /**
     * The settings that count, `commandLine` first (see `settingsOfFlags`). A directory or file that another user
     * could have written is refused.
     */
    readonly read: (commandLine: RawSettings) => Effect.Effect<ClientSettings, ConfigError | InvalidDestination>
    /** Replaces one file of the configuration directory (made if need be) as a whole. */
    readonly write: (name: "destination" | "known_hosts", content: string) => Effect.Effect<void, ConfigError>
  }
>()("byteback/services/ClientConfig") {}
