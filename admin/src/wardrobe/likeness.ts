/**
 * A cosine distance as people read it: 0 is 100 % alike, and what points aside
 * (1) or the opposite way (2) is not alike at all.
 */
export const likenessPercent = (distance: number): number =>
  Math.round(Math.min(1, Math.max(0, 1 - distance)) * 100);
