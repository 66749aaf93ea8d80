/**
 * Journeys of people at browsers, with real engines behind them. Started by the system tests (`tests/tests/system/browser.rs`), which
 * make hosts and peers, say here who sits where, and compare the bytes afterwards:
 *
 *     node journeys.mjs '{"journey":"decline","people":[{"name","id","link","program"}…],"files":[…],"folder":"…"}'
 */
import { strict as assert } from "node:assert";
import { createHash } from "node:crypto";
import { createReadStream, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { basename } from "node:path";
import process from "node:process";
import { connect } from "node:tls";
import { Person } from "./person.mjs";
import { seek } from "./seek.mjs";

/** For a device to be found again after its network was away. */
const BACK_MS = 90_000;

const hash = async (path) => {
  const hash = createHash("sha256");
  for await (const part of createReadStream(path)) hash.update(part);
  return hash.digest("hex");
};

const JOURNEYS = {
  /** The whole of what most people ever do; then what came is saved from the device that has it. */
  async send_and_save([ann, ben], { people, files, folder }) {
    const [file] = files;
    await ann.sendFiles(people[1].id, [file]);
    await ben.answer("Accept");
    await ben.go("Transfers");
    await ann.go("Transfers");
    const name = basename(file);
    const save = ben.action("Save", name);
    await save.waitFor();
    await ann.row(name, "").locator(".when").waitFor();
    const [download] = await Promise.all([ben.page.waitForEvent("download"), save.click()]);
    assert.equal(download.suggestedFilename(), name);
    assert.equal(await hash(await download.path()), await hash(file));

    await ann.go("Nearby");
    await ann.choose(ann.sendMenu("Folder…"), folder);
    const sheet = ann.page.getByRole("dialog");
    await sheet.getByText("ben").click();
    await sheet.getByRole("button", { name: "Send", exact: true }).click();
    await ben.answer("Accept");
    const all = ben.action("Save", basename(folder));
    const [archive] = await Promise.all([ben.page.waitForEvent("download"), all.click()]);
    assert.equal(archive.suggestedFilename(), `${basename(folder)}.zip`);
    assert.equal(
      readFileSync(await archive.path())
        .subarray(0, 4)
        .toString("latin1"),
      "PK\u0003\u0004",
    );
  },

  async decline([ann, ben], { people }) {
    await ann.drop(people[1].id, [["<img src=x onerror=alert(1)>.txt", "dropped"]]);
    await ben.offer().getByText("<img src=x onerror=alert(1)>.txt").waitFor();
    await ben.answer("Decline");
    await ann.go("Transfers");
    await ann.row("<img src=x onerror=alert(1)>.txt", "Declined").waitFor();
  },

  /** The sender is held to a rate that leaves time; it is let go when this says so. */
  async pause_and_cancel([ann, ben], { people, files: [file] }) {
    await ann.sendFiles(people[1].id, [file]);
    await ben.answer("Accept");
    const name = basename(file);
    await ann.go("Transfers");
    await ben.go("Transfers");
    await ann.action("Pause", name).click();
    await ann.row(name, "Paused").waitFor();
    await ben.row(name, "Paused").waitFor();
    await ann.action("Resume", name).click();
    await ben.action("Pause", name).waitFor();
    await ben.action("Cancel", name).waitFor();
    await ann.action("Cancel", name).click();
    await ann.row(name, "Cancelled").waitFor();
    await ben.row(name, "Cancelled").waitFor();
  },

  async pause_and_finish([ann, ben], { people, files: [file] }) {
    await ann.sendFiles(people[1].id, [file]);
    await ben.answer("Accept");
    const name = basename(file);
    await ben.go("Transfers");
    await ben.action("Pause", name).click();
    await ben.row(name, "Paused").waitFor();
    await ben.action("Resume", name).click();
    await ben.action("Save", name).waitFor();
  },

  async text([ann, ben], { people }) {
    const text = "<b>https://example.org</b>\nsecond line";
    await ann.sendMenu("Text…").click();
    const sheet = ann.page.getByRole("dialog");
    await sheet.getByRole("textbox", { name: "Text" }).fill(text);
    await sheet.getByText("ben").click();
    await sheet.getByRole("button", { name: "Send", exact: true }).click();
    await ben.offer().getByText("<b>").waitFor();
    assert.ok((await ben.offer().innerText()).includes("second line"));
    await ben.answer("Keep");
    await ben.go("Transfers");
    await ben.action("Copy text", "Message").waitFor();
    assert.equal(people.length, 2);
  },

  async three_receivers([ann, ...others], { files }) {
    for (const other of others) await ann.page.getByRole("checkbox", { name: `Choose ${other.name}` }).check({ force: true });
    const sheet = ann.page.getByRole("dialog");
    await ann.choose(ann.sendMenu("Files…"), files);
    await sheet.getByRole("button", { name: "Send to 3 devices" }).click();
    await Promise.all(
      others.map(async (other) => {
        await other.answer("Accept");
        await other.go("Transfers");
        await other.page
          .getByRole("button", { name: /^Save: / })
          .first()
          .waitFor();
      }),
    );
  },

  /** What most people do, without a mouse. The sender is held to a rate that leaves time to pause. */
  async by_keyboard([ann, ben], { files: [file] }) {
    const name = basename(file);
    const sendFile = async () => {
      const chooser = ann.page.waitForEvent("filechooser");
      await ann.press("f");
      await (await chooser).setFiles([file]);
      await ann.page.getByRole("dialog").waitFor();
      await ann.tabTo("ben");
      await ann.press(" ", "Control+Enter");
      await ann.page.getByRole("dialog").waitFor({ state: "detached" });
    };

    await sendFile();
    await ben.answerByKeys("Decline");
    await ann.press("3");
    await ann.row(name, "Declined").waitFor();

    await ann.press("t");
    await ann.page.getByRole("dialog").waitFor();
    await ann.page.keyboard.type("See you at eight");
    await ann.tabTo("ben");
    await ann.press(" ", "Control+Enter");
    await ben.offer().getByText("See you at eight").waitFor();
    await ben.answerByKeys("Keep");

    await ann.press("1");
    await ann.tabTo("ben");
    await ann.press("Enter");
    await ann.tabTo("Compare signs");
    await ann.press("Enter");
    await ben.tabTo("Compare");
    await ben.press("Enter");
    const digits = await Promise.all([ann, ben].map(({ page }) => page.locator("dialog .digits").innerText()));
    assert.equal(digits[0], digits[1]);
    for (const person of [ann, ben]) {
      await person.tabTo("They are the same");
      await person.press("Enter");
      await person.page.getByRole("dialog").waitFor({ state: "detached" });
    }
    await ann.page.getByRole("complementary").getByText("Verified", { exact: true }).waitFor();
    await ann.press("Escape");

    await sendFile();
    await ben.answerByKeys("Accept");
    await ann.press("3");
    await ann.tabTo(`Pause: ${name}`);
    await ann.press("Enter");
    await ann.row(name, "Paused").waitFor();
    await ann.tabTo(`Resume: ${name}`);
    await ann.press("Enter");
    await ben.press("3");
    await ben.action("Save", name).waitFor();
  },

  /** What lies in a folder comes with its paths, however it got into the browser. */
  async drop_folder([ann, ben], { people, files: [file], folder }) {
    await ann.dropFromDisk(people[1].id, [folder, file]);
    await ben.answer("Accept");
    await ben.go("Transfers");
    await ben.page
      .getByRole("button", { name: /^Save: / })
      .first()
      .waitFor();
  },

  /** Ann's device shares a folder; Ben opens it as if it were his. */
  async shared([ann, ben], { folder }) {
    await ben.openShare(basename(folder));
    const dialog = ben.page.getByRole("dialog");
    await ben.item("packing list").dblclick();
    await dialog.getByText("<b>rope</b>").waitFor();
    await ben.press("Escape");
    await ben.item("beach").dblclick();
    await ben.picture(dialog.locator("img"));
    await ben.press("ArrowRight");
    await dialog.getByText("cliff").first().waitFor();
    await ben.picture(dialog.locator("img"));
    await ben.press("Escape");
    const grid = ben.page.getByRole("button", { name: "Grid", exact: true });
    await grid.click();
    await ben.picture(ben.item("beach").locator("img"));
    await ben.picture(ben.item("cliff").locator("img"));
    await grid.click();

    await ben.item("beach").dblclick();
    const save = dialog.getByRole("button", { name: "Save", exact: true });
    const [saved] = await Promise.all([ben.page.waitForEvent("download"), save.click()]);
    assert.equal(saved.suggestedFilename(), "beach.png");
    assert.equal(await hash(await saved.path()), await hash(`${folder}/beach.png`));
    await ben.press("Escape");

    await ben.item("route.bin").click();
    await ben.item("Day 1").click({ modifiers: ["Control"] });
    await ben.page.locator(".foot").getByText("2 chosen").waitFor();
    await ben.page.locator(".foot").getByRole("button", { name: "Fetch", exact: true }).click();
    await ben.fetched(/route|Day 1|2/);

    await ben.go("Shared");
    await ben.page.keyboard.press("Control+f");
    await ben.page.keyboard.type("coast");
    await ben.item("map of the coast").waitFor();
    // A page in a browser can't name a folder of the device that it looks at.
    await ann.go("Shared");
    await ann.page.getByText("shoal share add").first().waitFor();
  },

  async shared_by_keyboard([, ben], { folder }) {
    await ben.press("2");
    await ben.page.locator(".shelf .share").first().waitFor();
    await ben.tabTo(basename(folder));
    await ben.press("Enter");
    await ben.item("route.bin").waitFor();
    await ben.tabToList();
    await ben.press("Home", "ArrowDown", " ");
    await ben.picture(ben.page.getByRole("dialog").locator("img"));
    await ben.press("Escape", "End", "Shift+ArrowUp");
    await ben.page.locator(".foot").getByText("2 chosen").waitFor();
    await ben.tabTo("Fetch");
    await ben.press("Enter");
    await ben.fetched(/packing|route|2/);
    await ben.press("2", "Alt+ArrowLeft");
    await ben.page.locator(".overview").waitFor();
  },

  /** What happens at the owner is seen at once; how many milliseconds later is said. */
  async shared_changes([ann, ben], { folder }) {
    await ben.openShare(basename(folder));
    await ben.item("route.bin").waitFor();
    const found = {};
    const seen = async (what, act, locator, state = "visible") => {
      const begun = performance.now();
      await act();
      await locator.waitFor({ state });
      found[what] = performance.now() - begun;
    };
    const [first, second] = [`${folder}/a new song.txt`, `${folder}/an old song.txt`];
    await seen("a new file", () => writeFileSync(first, "la"), ben.item("a new song"));
    await seen("a new name", () => renameSync(first, second), ben.item("an old song"));
    await seen("a file gone", () => rmSync(second), ben.item("an old song"), "detached");

    const trouble = ben.page.locator(".trouble");
    console.log("ask: away");
    await trouble.getByText("is not here now.").waitFor();
    console.log("ask: back");
    // As devices find each other again: not at once.
    await trouble.waitFor({ state: "detached", timeout: BACK_MS });
    await ben.item("route.bin").waitFor();
    ben.complaints = [];

    await ann.go("Shared");
    await ann.page.locator("[data-own]").first().click();
    await ann.page.getByRole("button", { name: "Stop sharing…" }).click();
    const stop = ann.page.getByRole("button", { name: "Stop sharing", exact: true });
    await seen("rights taken back", () => stop.click(), trouble.getByText("is not there any more."));
    console.log(`found: ${JSON.stringify(found)}`);
    ben.complaints = [];
  },

  async shared_add([, ben], { files, folder }) {
    await ben.openShare(basename(folder));
    await ben.page.getByRole("button", { name: "Add", exact: true }).click();
    await ben.choose(ben.page.getByRole("menuitem", { name: "Files…" }), files);
    await ben.item("route (2)").waitFor();
  },

  /** A film of somebody else's is played, and leapt around in. */
  async film([ben], { owner, path }) {
    const found = await ben.page.evaluate(seek, `/api/media/${owner}/${path}?v=1`);
    console.log(`found: ${JSON.stringify(found)}`);
  },

  /** A device looks the same on every screen, in the colour that its owner chose. */
  async colour([ann, ben], { people }) {
    const hue = (mark) => mark.evaluate((drawn) => drawn.style.getPropertyValue("--hue"));
    await ann.press("4");
    await ann.tabTo("Its own");
    await ann.press("ArrowRight", "ArrowRight", "ArrowRight");
    await ann.page.locator("nav .me").waitFor();
    const there = ben.card(people[0].id).locator("svg").first();
    const until = Date.now() + 30_000;
    while ((await hue(there)) !== "60") {
      assert.ok(Date.now() < until, `ann looks otherwise at ben's: ${await hue(there)}`);
      await ben.page.waitForTimeout(100);
    }
    assert.equal(await hue(ann.page.locator("nav .me svg")), "60");
  },

  /** Pages of somebody else, in a browser that is let in: whatever they try, nothing comes back and nothing is done. */
  async strangers([ann], { people }) {
    const base = new URL(people[0].link).origin;
    const { port } = new URL(base);
    const page = "<!doctype html><title>a page of somebody else</title>";
    const stranger = createServer((_, response) => response.writeHead(200, { "content-type": "text/html" }).end(page));
    await new Promise((listening) => stranger.listen(0, "127.0.0.1", listening));
    const other = stranger.address().port;
    const tab = await ann.page.context().newPage();
    const answers = [];
    tab.on("response", (answer) => answer.url().includes(`:${port}/`) && answers.push(answer));
    // Another port of the same host is the same site: the cookie is sent along.
    for (const origin of [`http://127.0.0.1:${other}`, `http://evil.example:${other}`]) {
      await tab.goto(`${origin}/`);
      const read = await tab.evaluate(async (base) => {
        const tries = [
          fetch(`${base}/api/request`, { method: "POST", credentials: "include", body: '{"request":"identity"}' }),
          fetch(`${base}/api/request`, {
            method: "POST",
            credentials: "include",
            headers: { "content-type": "application/json" },
            body: '{"request":"identity"}',
          }),
          fetch(`${base}/`, { credentials: "include" }),
          new Promise((resolve, reject) => {
            const events = new EventSource(`${base}/api/events`, { withCredentials: true });
            events.onmessage = (event) => resolve(event.data);
            events.onerror = reject;
          }),
        ];
        const done = await Promise.allSettled(tries);
        return done.filter(({ status }) => status === "fulfilled").length;
      }, base);
      assert.equal(read, 0, `a page of ${origin} read something`);
      await tab.evaluate((base) => {
        const form = document.createElement("form");
        Object.assign(form, { method: "post", enctype: "text/plain", action: `${base}/api/request` });
        const field = document.createElement("input");
        Object.assign(field, { name: '{"request":"clear_history","x":"', value: '"}' });
        form.append(field);
        document.body.append(form);
        form.submit();
      }, base);
      await tab.waitForURL(`${base}/api/request`);
      assert.match(await tab.locator("body").innerText(), /does not come from Shoal's own page/);
    }
    // A name of somebody else that was made to mean this machine.
    const rebound = await tab.goto(`http://evil.example:${port}/`);
    assert.equal(rebound.status(), 403);
    for (const answer of answers) assert.ok(answer.status() >= 400, `${answer.status()} ${answer.url()}`);
    const used = await (await ann.browser.newContext()).newPage();
    assert.equal((await used.goto(people[0].link)).status(), 403, "the link was used");
    assert.equal((await used.goto(`${base}/`)).status(), 401);
    stranger.close();
    ann.complaints = [];
  },

  /** Over a network there is TLS, and the certificate is the one whose fingerprint was printed. */
  async encrypted([ann], { people }) {
    const { hostname, port, protocol } = new URL(people[0].link);
    assert.equal(protocol, "https:");
    const seen = await new Promise((resolve, reject) => {
      const socket = connect({ host: hostname, port: Number(port), rejectUnauthorized: false }, () => {
        resolve(socket.getPeerCertificate().fingerprint256);
        socket.end();
      });
      socket.on("error", reject);
    });
    assert.equal(seen, people[0].fingerprint);
    await assert.rejects(fetch(`http://${hostname}:${port}/`), "plain HTTP is not answered");
    const [cookie] = await ann.page.context().cookies();
    assert.deepEqual([cookie.secure, cookie.httpOnly, cookie.sameSite], [true, true, "Strict"]);
    await ann.go("Settings");
    await ann.page.getByRole("heading", { name: "Settings" }).waitFor();
  },
};

const setting = JSON.parse(process.argv[2] ?? "{}");
const people = [];
try {
  const resolve = "--host-resolver-rules=MAP evil.example 127.0.0.1";
  people.push(...(await Promise.all(setting.people.map((person) => Person.sitDown(person, [resolve])))));
  const [first] = people;
  for (const { id } of setting.people.slice(1)) await first.card(id).waitFor();
  await JOURNEYS[setting.journey](people, setting);
  for (const { name, complaints } of people) assert.deepEqual(complaints, [], `${name}'s page complained`);
} catch (error) {
  console.error(error);
  for (const person of people) console.error(await person.story().catch(String));
  process.exitCode = 1;
} finally {
  await Promise.all(people.map((person) => person.getUp()));
}
