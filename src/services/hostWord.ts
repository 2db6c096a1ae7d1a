// The last check before a host's name becomes part of a path.
import { isHostName } from "../domain/hostName.ts"

/**
 * The name itself. Throws (a defect, never a typed error) where it is not a host's name: callers have told the user
 * long before, so this is a bug of ours, and no path is made of it.
 */
export const hostWord = (host: string): string => {
  if (isHostName(host)) return host
  throw new Error(`not a host name: ${JSON.stringify(host.slice(0, 80))}`)
}
