import "./tokens.css";
import "./app.css";
import { mount } from "svelte";
import App from "./App.svelte";
import { openBackend } from "./lib/backend/open";
import { preferences } from "./lib/state/preferences.svelte";
import { Shoal } from "./lib/state/shoal.svelte";

preferences.apply();
const target = document.getElementById("app");
if (target === null) throw new Error("the page has no #app");
const shoal = new Shoal(await openBackend());
shoal.start();
mount(App, { target, props: { shoal } });
