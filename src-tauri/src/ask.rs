//! A page's request becomes the engine's: handles become paths, and a path that the page names itself is refused.

use crate::handles::{Handles, Purpose};
use serde_json::{Value, json};
use shoal_api::{Code, Content, Failure, Request};

/// Most handles in one request.
const MAX_NAMED: usize = 20_000;

/// What the engine is asked.
pub(crate) fn translate(mut asked: Value, handles: &Handles) -> Result<Request, Failure> {
    let chosen = chosen(&mut asked)?;
    let into = asked.as_object_mut().and_then(|asked| asked.remove("into_handle"));
    let mut request: Request = serde_json::from_value(asked).map_err(malformed)?;
    if request.names_a_path() {
        return Err(Failure::new(Code::Usage, "a page cannot name a path on this machine's disk: choose or drop it"));
    }
    match &mut request {
        Request::Send { content, .. } => {
            if let Some(chosen) = chosen {
                let paths: Result<Vec<_>, _> = chosen.iter().map(|handle| handles.path(handle, &Purpose::Send)).collect();
                *content = Content::Paths { paths: paths? };
            }
        }
        Request::Accept { transfer, into: folder, .. } => {
            if let Some(into) = into {
                let into: String = serde_json::from_value(into).map_err(malformed)?;
                *folder = Some(handles.path(&into, &Purpose::Receive { transfer: transfer.clone() })?);
            }
        }
        // Events go through a stream of the window's own.
        Request::Subscribe => return Err(Failure::new(Code::Usage, "events are not to be had here")),
        _ => {}
    }
    Ok(request)
}

/// The handles that are to be sent; a text stands in their place until they are paths.
fn chosen(asked: &mut Value) -> Result<Option<Vec<String>>, Failure> {
    let Some(content) = asked.get_mut("content").filter(|content| content["kind"] == "handles") else { return Ok(None) };
    let chosen: Vec<String> = serde_json::from_value(content["handles"].take()).map_err(malformed)?;
    if chosen.is_empty() || chosen.len() > MAX_NAMED {
        return Err(Failure::new(Code::Usage, format_args!("between 1 and {MAX_NAMED} things can be sent at once")));
    }
    *content = json!({ "kind": "text", "text": "" });
    Ok(Some(chosen))
}

fn malformed(error: serde_json::Error) -> Failure {
    Failure::new(Code::Usage, format_args!("the page asked for something that does not exist: {error}"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    /// A page that somebody took over must not be able to send or overwrite what nobody chose.
    #[test]
    fn a_path_that_the_page_names_is_refused() {
        let handles = Handles::default();
        let cases = [
            json!({ "request": "send", "to": ["x"], "wait_s": 1, "content": { "kind": "paths", "paths": ["/etc/passwd"] } }),
            json!({ "request": "accept", "transfer": "ab", "into": "/etc" }),
            json!({ "request": "set_settings", "change": { "inbox": "/etc" } }),
            json!({ "request": "send", "to": ["x"], "wait_s": 1, "content": { "kind": "handles", "handles": ["/etc/passwd"] } }),
            json!({ "request": "accept", "transfer": "ab", "into_handle": "/etc" }),
            json!({ "request": "subscribe" }),
            json!({ "request": "no_such_thing" }),
            json!(["request"]),
            json!(null),
        ];
        for case in cases {
            assert_eq!(translate(case.clone(), &handles).unwrap_err().code, Code::Usage, "{case}");
        }
    }

    #[test]
    fn handles_become_the_paths_that_were_chosen() {
        let handles = Handles::default();
        let chosen = handles.to_send([std::env::temp_dir()]).unwrap().remove(0).handle;
        let mixed = json!({ "request": "send", "to": ["x"], "wait_s": 1,
                            "content": { "kind": "handles", "handles": [chosen], "paths": ["/etc/passwd"] } });
        let Request::Send { content: Content::Paths { paths }, .. } = translate(mixed, &handles).unwrap() else {
            panic!("paths")
        };
        assert_eq!(paths, [std::env::temp_dir()]);

        let into = handles.to_receive("/videos".into(), "ab".into());
        let accept = json!({ "request": "accept", "transfer": "ab", "into_handle": into });
        let Request::Accept { into, .. } = translate(accept, &handles).unwrap() else { panic!("accept") };
        assert_eq!(into, Some("/videos".into()));

        let text = json!({ "request": "send", "to": ["x"], "wait_s": 1, "content": { "kind": "text", "text": "hello" } });
        assert!(translate(text, &handles).is_ok());
    }
}
