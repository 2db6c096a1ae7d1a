// --config-dir: where the configuration lies, taken out of the command line before anything reads it.
import { ConfigError } from "../domain/clientSettings.ts"

/** The words without --config-dir, and the directory; null where neither it nor BYTEBACK_CONFIG_DIR says one. */
export const configDirectory = (
  words: ReadonlyArray<string>,
  environment: { readonly [name: string]: string | undefined }
): { readonly words: ReadonlyArray<string>; readonly directory: string | null } | ConfigError => {
  const rest: Array<string> = []
  let directory = environment["BYTEBACK_CONFIG_DIR"] ?? null
  for (let at = 0; at < words.length; at += 1) {
    const word = words[at]!
    if (word === "--") {
      rest.push(...words.slice(at))
      break
    }
    if (word === "--config-dir") {
      at += 1
      directory = words[at] ?? ""
    } else if (word.startsWith("--config-dir=")) {
      directory = word.slice("--config-dir=".length)
    } else {
      rest.push(word)
    }
  }
  return directory === null || directory.startsWith("/")
    ? { words: rest, directory }
    : new ConfigError({ where: "--config-dir", problem: "write an absolute path, as in --config-dir /etc/byteback" })
}
