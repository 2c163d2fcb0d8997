/** Filled in by `vite.config.ts`: the folders of the demo pages that are built together. */
declare const DEMOS_HERE: readonly string[];
