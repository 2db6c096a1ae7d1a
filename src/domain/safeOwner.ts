// Whether a file that decides what root does could have been written by somebody else.

/** What stat says of a file: permission bits and numeric owner. */
export interface Ownership {
  readonly mode: number
  readonly uid: number
}

/**
 * Why a file or directory must not be trusted by the user `me` (a uid), and what to do; or null. Only `me` and root may
 * own it, and only its owner may write it; nobody else may even read one that is `secret`.
 */
export const unsafeOwnership = ({ mode, uid }: Ownership, me: number, secret = false): string | null => {
  if (uid !== 0 && uid !== me) return `belongs to another user (uid ${uid}); make root its owner`
  if ((mode & 0o022) !== 0) return "can be written by other users; run chmod go-w on it"
  if (secret && (mode & 0o077) !== 0) return "can be read by other users; run chmod 600 on it"
  return null
}
