// What programs log goes to stderr as plain lines; stdout belongs to results.
import { Logger } from "effect"
import { escapeText } from "../domain/escape.ts"

export const logger = Logger.layer([
  Logger.make(({ message }) => {
    const parts = Array.isArray(message) ? message : [message]
    process.stderr.write(`byteback: ${escapeText(parts.map(String).join(" "))}\n`)
  })
])
