/**
 * Between two measured runs or requests: a device answers one now and then, and what it and the cloud do in between cools
 * their caches. Back to back, everything is faster than it will be.
 */
export const PAUSE_MS = 20;
