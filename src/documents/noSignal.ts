/** What stands in documents for decibels of nothing but noise: outputs that are not numbers, or not 0 where the original is 0. */
export const NO_SIGNAL_DB = -999;
