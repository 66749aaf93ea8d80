//! The same with no mouse at all.

use super::{Windows, file, inbox};
use serde_json::json;
use shoal_tests::window::Window;
use std::fs;

/// Most presses of the tabulator until something that is in sight has the focus.
const MAX_TABS: usize = 30;

/// Moves the focus until a script says that it is where it should be; fails when the focus is not to be seen on the way.
pub(super) fn tab_to(window: &Window, what: &str, reached: &str) {
    let visible = "const style = getComputedStyle(document.activeElement); \
                   return document.activeElement === document.body || style.outlineStyle !== 'none' || style.boxShadow !== 'none'";
    for _ in 0..MAX_TABS {
        if window.script(&format!("const focused = document.activeElement; return {reached}")) == true {
            return;
        }
        window.keys(&["Tab"]);
        assert_eq!(window.script(visible), true, "{}: on the way to {what} the focus cannot be seen", window.name());
    }
    panic!("{}: {MAX_TABS} tabs do not lead to {what}", window.name());
}

#[test]
#[ignore = "needs root and a display"]
fn files_and_a_text_are_sent_and_accepted_with_the_keyboard_alone() {
    let (windows, folder) = (Windows::open(), tempfile::tempdir().unwrap());
    let (ann, ben) = (&windows.ann, &windows.ben);
    let sent = file(folder.path(), "chart.bin", 200_000);
    ann.start_second(&[&sent]);
    ann.wait_for_text("chart.bin");
    tab_to(ann, "the receivers", "focused.matches('.receivers input')");
    ann.keys(&["space", "ctrl+Return"]);
    ben.wait_for("an offer", "return !!document.querySelector('[data-offer]')");
    ben.keys(&["o"]);
    tab_to(ben, "the answer", "focused.closest('[data-offer]') !== null && focused.innerText.trim() === 'Accept'");
    ben.keys(&["Return"]);
    ben.wait_for_transfer("finished", |row| row["state"] == "finished");
    assert_eq!(fs::read(inbox(ben).join("chart.bin")).unwrap(), fs::read(&sent).unwrap());

    let words = "the tide is at six";
    ann.try_invoke("copy", &json!({ "text": words })).unwrap();
    ann.keys(&["ctrl+v"]);
    ann.wait_for("the text, pasted", &format!("return document.querySelector('dialog textarea')?.value === '{words}'"));
    tab_to(ann, "the receivers", "focused.matches('.receivers input')");
    ann.keys(&["space", "ctrl+Return"]);
    ben.wait_for_text(words);

    ben.keys(&["3"]);
    ben.wait_for_text("chart.bin");
    tab_to(ben, "the row", "focused.closest('main') !== null && focused.innerText.includes('chart.bin')");
    ben.keys(&["Return"]);
    ben.wait_for(
        "its details",
        "return [...document.querySelectorAll('aside')].some((part) => part.innerText.includes('chart.bin'))",
    );
    ben.keys(&["Escape"]);
    ben.wait_for(
        "no details",
        "return ![...document.querySelectorAll('aside')].some((part) => part.innerText.includes('chart.bin'))",
    );
}
