// Reads a host's snapshots for it. Runs in the sandbox, with one snapshot or the host's whole directory read-only at /data.
import { parseReading } from "../src/domain/request/reading.ts"
import { diff } from "./reader/diff.ts"
import { dump } from "./reader/dump.ts"
import { find } from "./reader/find.ts"
import { history } from "./reader/history.ts"
import { ls } from "./reader/ls.ts"
import { cat } from "./reader/cat.ts"
import { refuse } from "./reader/output.ts"

const parsed = parseReading(process.argv[2] ?? "")
if (parsed === null || !parsed.ok) refuse(parsed === null ? "not a request to read" : parsed.refusal.message)
else {
  const request = parsed.value
  switch (request._tag) {
    case "ls":
      ls(request)
      break
    case "find":
      find(request)
      break
    case "history":
      history(request)
      break
    case "diff":
      diff(request, process.argv[3] ?? "", process.argv[4] ?? "")
      break
    case "cat":
      cat(request)
      break
    case "dump":
      dump(request)
  }
}
