// Deletions that cost history and free nothing.

/**
 * Whether what a deletion frees is nothing beside the bytes that were new in its snapshot. So it is where data is only ever added: all
 * that a snapshot brought lives on in the newest, and whatever goes, the store stays as full as it was.
 */
export const isFutile = (fresh: number, freed: number): boolean => freed <= fresh / 100

/**
 * Of so many victims of a host in a run, after a deletion that was futile, the bytes that the newest does not hold are looked up before
 * they are deleted. When all were futile, the host is passed over.
 */
export const LOOKS = 20
