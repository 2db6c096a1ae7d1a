// rsync's --info=progress2, read as it arrives.

/** How far a transfer is. `percent` and `etaSeconds` are of what rsync knows of so far; it may still find more. */
export interface Progress {
  readonly bytes: number
  readonly percent: number
  /** bytes a second */
  readonly rate: number
  readonly etaSeconds: number
  /** files sent, files still to look at, files known; `scanning` while the list still grows */
  readonly files: number
  readonly toCheck: number
  readonly known: number
  readonly scanning: boolean
}
