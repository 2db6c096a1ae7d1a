// What ClientConfig promises, wherever the files lie.
import { assert, layer } from "@effect/vitest"
import { Effect, type Layer } from "effect"
import { settingsOfFlags } from "../../src/domain/clientSettings.ts"
import { ClientConfig } from "../../src/services/ClientConfig.ts"

/** What the site's configuration directory holds when the suite starts. */
export const givenFiles = {
  destination: "byteback@backup.example.org:\n",
  excludes: "# ours\n/srv/scratch\n",
  io_timeout: "600\n"
}

export const suite = <E>(name: string, site: Layer.Layer<ClientConfig, E>) =>
  layer(site, { excludeTestServices: true })(name, (it) => {
    it.effect("reads one value a file, and defaults for the rest", () =>
      Effect.gen(function* () {
        const settings = yield* (yield* ClientConfig).read({})
        assert.strictEqual(settings.destination?.host, "backup.example.org")
        assert.deepStrictEqual(settings.excludes, ["/srv/scratch"])
        assert.strictEqual(settings.ioTimeout, 600)
        assert.deepStrictEqual(settings.rsyncFlags, [])
        assert.match(settings.keyFile, /\/key$/)
        assert.match(settings.knownHosts, /\/known_hosts$/)
      })
    )

    it.effect("believes the command line before the files", () =>
      Effect.gen(function* () {
        const settings = yield* (yield* ClientConfig).read(settingsOfFlags({ destination: "other:", excludes: "/x" }))
        assert.strictEqual(settings.destination?.host, "other")
        assert.deepStrictEqual(settings.excludes, ["/x", "/srv/scratch"])
      })
    )

    it.effect("says which flag is wrong", () =>
      Effect.gen(function* () {
        const error = yield* Effect.flip((yield* ClientConfig).read(settingsOfFlags({ io_timeout: "soon" })))
        assert.match(error.message, /^--io-timeout: write a whole number/)
      })
    )

    it.effect("reads what it has written", () =>
      Effect.gen(function* () {
        const config = yield* ClientConfig
        yield* config.write("destination", "byteback@new.example.org:\n")
        assert.strictEqual((yield* config.read({})).destination?.host, "new.example.org")
        yield* config.write("destination", givenFiles.destination)
      })
    )
  })
