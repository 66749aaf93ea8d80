/// <reference types="svelte" />
/// <reference types="vite/client" />

/** Whether this build holds the fake backend: development and tests only. */
declare const __FAKE__: boolean;
