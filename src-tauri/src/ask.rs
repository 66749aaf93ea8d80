//! A page's request becomes the engine's: handles become paths, and a path that the page names itself is refused.

use crate::handles::{Handles, Purpose};
use serde_json::{Value, json};
use shoal_api::{Code, Content, Failure, Request};

/// Most handles in one request.
const MAX_NAMED: usize = 20_000;

/// What the engine is asked.
pub(crate) fn translate(mut asked: Value, handles: &Handles) -> Result<Request, Failure> {
    let chosen = chosen(&mut asked)?;
    let shared = shared(&mut asked)?;
    let into = asked.as_object_mut().and_then(|asked| asked.remove("into_handle"));
    let into = into.map(serde_json::from_value::<String>).transpose().map_err(malformed)?;
    let mut request: Request = serde_json::from_value(asked).map_err(malformed)?;
    if request.names_a_path() && shared.is_none() {
        return Err(path_refused());
    }
    match &mut request {
        Request::Send { content, .. } | Request::AddTo { content, .. } | Request::CreateLink { content, .. } => {
            if let Some(chosen) = chosen {
                let paths: Result<Vec<_>, _> = chosen.iter().map(|handle| handles.path(handle, &Purpose::Send)).collect();
                *content = Content::Paths { paths: paths? };
            }
        }
        Request::AddShare { path, .. } | Request::ShareRisks { path, .. } => {
            *path = handles.path(&shared.unwrap_or_default(), &Purpose::Send)?;
        }
        Request::Accept { transfer, into: folder, .. } => {
            let purpose = Purpose::Receive { transfer: transfer.clone() };
            *folder = into.map(|into| handles.path(&into, &purpose)).transpose()?;
        }
        Request::Get { into: folder, .. } | Request::GetLink { into: folder, .. } => {
            *folder = into.map(|into| handles.path(&into, &Purpose::Fetch)).transpose()?;
        }
        // Events go through a stream of the window's own.
        Request::Subscribe => return Err(Failure::new(Code::Usage, "events are not to be had here")),
        _ => {}
    }
    Ok(request)
}

/// The handle of the folder that is to be shared; nothing stands in its place until it is a path.
fn shared(asked: &mut Value) -> Result<Option<String>, Failure> {
    if !matches!(asked["request"].as_str(), Some("add_share" | "share_risks")) {
        return Ok(None);
    }
    if !asked["path"].is_null() {
        return Err(path_refused());
    }
    let handle = serde_json::from_value(asked["handle"].take()).map_err(malformed)?;
    asked["path"] = json!("");
    Ok(Some(handle))
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

fn path_refused() -> Failure {
    Failure::new(Code::Usage, "a page cannot name a path on this machine's disk: choose or drop it")
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
        let (chosen, fetched) =
            (handles.to_send([std::env::temp_dir()]).unwrap().remove(0).handle, handles.to_fetch("/x".into()));
        let cases = [
            json!({ "request": "send", "to": ["x"], "wait_s": 1, "content": { "kind": "paths", "paths": ["/etc/passwd"] } }),
            json!({ "request": "accept", "transfer": "ab", "into": "/etc" }),
            json!({ "request": "set_settings", "change": { "inbox": "/etc" } }),
            json!({ "request": "send", "to": ["x"], "wait_s": 1, "content": { "kind": "handles", "handles": ["/etc/passwd"] } }),
            json!({ "request": "accept", "transfer": "ab", "into_handle": "/etc" }),
            json!({ "request": "add_share", "path": "/etc", "for": ["everyone"] }),
            json!({ "request": "add_share", "handle": "/etc", "for": ["everyone"] }),
            json!({ "request": "add_share", "handle": chosen, "path": "/etc", "for": ["everyone"] }),
            json!({ "request": "add_share", "handle": fetched, "for": ["everyone"] }),
            json!({ "request": "share_risks", "path": "/etc", "for": ["everyone"] }),
            json!({ "request": "share_risks", "for": ["everyone"] }),
            json!({ "request": "get", "peer": "x", "path": "/s", "wait_s": 1, "into": "/etc" }),
            json!({ "request": "get", "peer": "x", "path": "/s", "wait_s": 1, "into_handle": "/etc" }),
            json!({ "request": "get", "peer": "x", "path": "/s", "wait_s": 1, "into_handle": chosen }),
            json!({ "request": "add_to", "peer": "x", "path": "/s", "wait_s": 1, "content": { "kind": "paths", "paths": ["/etc"] } }),
            json!({ "request": "add_to", "peer": "x", "path": "/s", "wait_s": 1,
                    "content": { "kind": "handles", "handles": [fetched] } }),
            json!({ "request": "create_link", "content": { "kind": "paths", "paths": ["/etc"] } }),
            json!({ "request": "create_link", "content": { "kind": "handles", "handles": [fetched] } }),
            json!({ "request": "get_link", "link": "shoal:x", "into": "/etc" }),
            json!({ "request": "get_link", "link": "shoal:x", "into_handle": chosen }),
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
        let content = json!({ "kind": "handles", "handles": [chosen], "paths": ["/etc/passwd"] });
        let mixed = json!({ "request": "send", "to": ["x"], "wait_s": 1, "content": content });
        let Request::Send { content: Content::Paths { paths }, .. } = translate(mixed, &handles).unwrap() else {
            panic!("paths")
        };
        assert_eq!(paths, [std::env::temp_dir()]);

        let add = json!({ "request": "add_to", "peer": "x", "path": "/s", "wait_s": 1, "content": content });
        let Request::AddTo { content: Content::Paths { paths }, .. } = translate(add, &handles).unwrap() else { panic!("paths") };
        assert_eq!(paths, [std::env::temp_dir()]);

        let share = json!({ "request": "add_share", "handle": chosen, "for": ["everyone"] });
        let Request::AddShare { path, .. } = translate(share, &handles).unwrap() else { panic!("share") };
        assert_eq!(path, std::env::temp_dir());
        let risks = json!({ "request": "share_risks", "handle": chosen, "for": ["everyone"] });
        let Request::ShareRisks { path, .. } = translate(risks, &handles).unwrap() else { panic!("risks") };
        assert_eq!(path, std::env::temp_dir());

        let get =
            json!({ "request": "get", "peer": "x", "path": "/s", "wait_s": 1, "into_handle": handles.to_fetch("/films".into()) });
        let Request::Get { into, .. } = translate(get, &handles).unwrap() else { panic!("get") };
        assert_eq!(into, Some("/films".into()));

        let create = json!({ "request": "create_link", "content": content });
        let Request::CreateLink { content: Content::Paths { paths }, .. } = translate(create, &handles).unwrap() else {
            panic!("paths")
        };
        assert_eq!(paths, [std::env::temp_dir()]);
        let get = json!({ "request": "get_link", "link": "shoal:x", "into_handle": handles.to_fetch("/films".into()) });
        let Request::GetLink { into, .. } = translate(get, &handles).unwrap() else { panic!("get") };
        assert_eq!(into, Some("/films".into()));

        let into = handles.to_receive("/videos".into(), "ab".into());
        let accept = json!({ "request": "accept", "transfer": "ab", "into_handle": into });
        let Request::Accept { into, .. } = translate(accept, &handles).unwrap() else { panic!("accept") };
        assert_eq!(into, Some("/videos".into()));

        let text = json!({ "request": "send", "to": ["x"], "wait_s": 1, "content": { "kind": "text", "text": "hello" } });
        assert!(translate(text, &handles).is_ok());
    }
}
