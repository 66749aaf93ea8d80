/** A host with no engine behind it: scenes for development and tests. Not in a production build. */
import type { Backend } from "../backend";
import { FakeBackend } from "./fake_backend";
import { SCENES } from "./scenes";

export function open(scene: string): Promise<Backend> {
  const make = SCENES[scene];
  if (make === undefined) return Promise.reject(new Error(`no scene "${scene}"; there are ${Object.keys(SCENES).join(", ")}`));
  return Promise.resolve(new FakeBackend(make()));
}
