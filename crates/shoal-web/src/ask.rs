//! `POST /api/request`: one request of a front end.

use crate::{
    Backend,
    staging::{Staging, StagingError},
};
use serde_json::{Value, json};
use shoal_api::{Code, Content, Failure, Reply, Request};
use std::time::Instant;

/// Does what a page asks. Handles become the paths of uploads; a path that the page names is refused.
pub(crate) async fn ask<B: Backend>(backend: &B, staging: &Staging, body: &[u8]) -> Result<Reply, Failure> {
    let (mut request, handles) = parse(body)?;
    let Some(handles) = handles else { return backend.handle(request).await };
    if let Request::Send { content: Content::Paths { paths }, .. } | Request::AddTo { content: Content::Paths { paths }, .. } =
        &mut request
    {
        *paths = staging.paths(&handles, Instant::now())?;
    }
    let reply = backend.handle(request).await?;
    if let Reply::Transfers { transfers } = &reply {
        let ids: Vec<String> = transfers.iter().map(|transfer| transfer.transfer.clone()).collect();
        let staging = staging.clone();
        let noted = tokio::task::spawn_blocking(move || staging.sent(&handles, &ids, Instant::now()));
        noted.await.map_err(|error| Failure::new(Code::Failed, error))?;
    }
    Ok(reply)
}

/// The request and, when it sends uploads, their handles, whose paths are still to be filled in.
fn parse(body: &[u8]) -> Result<(Request, Option<Vec<String>>), Failure> {
    let malformed =
        |error: serde_json::Error| Failure::new(Code::Usage, format_args!("Shoal did not understand this page: {error}"));
    let mut value: Value = serde_json::from_slice(body).map_err(malformed)?;
    let handles = match value.pointer_mut("/content") {
        Some(content) if content["kind"] == "handles" => {
            let handles = serde_json::from_value(content["handles"].take()).map_err(malformed)?;
            *content = json!({ "kind": "paths", "paths": [] });
            Some(handles)
        }
        _ => None,
    };
    if let Some("add_share" | "share_risks") = value["request"].as_str() {
        let sentence = "a page in a browser cannot share a folder of this device: `shoal share add` does, there";
        return Err(Failure::new(Code::Declined, sentence));
    }
    let chooses_a_folder = value.get("into_handle").is_some();
    let request: Request = serde_json::from_value(value).map_err(malformed)?;
    if (handles.is_none() && request.names_a_path()) || chooses_a_folder {
        return Err(Failure::new(Code::Declined, "a page cannot name a folder or file of this device"));
    }
    match (&request, &handles) {
        (Request::Send { .. } | Request::AddTo { .. }, _) | (_, None) => Ok((request, handles)),
        (_, Some(_)) => Err(StagingError::Unknown.into()),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn parsed(value: Value) -> Result<(Request, Option<Vec<String>>), Code> {
        parse(value.to_string().as_bytes()).map_err(|failure| failure.code)
    }

    /// Whoever gets at the page must not get at every file that this device has.
    #[test]
    fn a_page_names_no_path() {
        for refused in [
            json!({ "request": "send", "to": ["mira"], "wait_s": 1, "content": { "kind": "paths", "paths": ["/etc/passwd"] } }),
            json!({ "request": "send", "to": ["mira"], "wait_s": 1, "content": { "kind": "paths", "paths": [] } }),
            json!({ "request": "accept", "transfer": "ab", "into": "/tmp" }),
            json!({ "request": "accept", "transfer": "ab", "into_handle": "x" }),
            json!({ "request": "set_settings", "change": { "inbox": "/tmp" } }),
            json!({ "request": "add_share", "path": "/tmp", "for": ["everyone"] }),
            json!({ "request": "add_share", "handle": "x", "for": ["everyone"] }),
            json!({ "request": "share_risks", "path": "/tmp", "for": ["everyone"] }),
            json!({ "request": "get", "peer": "mira", "path": "/s", "into": "/tmp", "wait_s": 1 }),
            json!({ "request": "get", "peer": "mira", "path": "/s", "into_handle": "x", "wait_s": 1 }),
            json!({ "request": "add_to", "peer": "mira", "path": "/s", "wait_s": 1,
                    "content": { "kind": "paths", "paths": ["/etc/passwd"] } }),
        ] {
            assert_eq!(parsed(refused.clone()).unwrap_err(), Code::Declined, "{refused}");
        }
        let mixed = json!({ "request": "send", "to": [], "wait_s": 1,
                            "content": { "kind": "handles", "handles": ["a"], "paths": ["/etc/passwd"] } });
        let (request, handles) = parsed(mixed).unwrap();
        assert!(matches!(request, Request::Send { content: Content::Paths { paths }, .. } if paths.is_empty()));
        assert_eq!(handles, Some(vec!["a".to_owned()]));
        let added = json!({ "request": "add_to", "peer": "mira", "path": "/s", "wait_s": 1,
                            "content": { "kind": "handles", "handles": ["a"], "paths": ["/etc/passwd"] } });
        let (request, handles) = parsed(added).unwrap();
        assert!(matches!(request, Request::AddTo { content: Content::Paths { paths }, .. } if paths.is_empty()));
        assert_eq!(handles, Some(vec!["a".to_owned()]));
    }

    #[test]
    fn what_makes_no_sense_is_refused_and_the_rest_goes_on() {
        assert_eq!(parsed(json!({ "request": "nonsense" })).unwrap_err(), Code::Usage);
        assert_eq!(parsed(json!([])).unwrap_err(), Code::Usage);
        assert_eq!(parse(b"{").unwrap_err().code, Code::Usage);
        assert_eq!(parse("[".repeat(100_000).as_bytes()).unwrap_err().code, Code::Usage);
        let odd = json!({ "request": "devices", "content": { "kind": "handles", "handles": [] } });
        assert_eq!(parsed(odd).unwrap_err(), Code::Failed);
        assert_eq!(parsed(json!({ "request": "devices" })).unwrap(), (Request::Devices, None));
        let text = json!({ "request": "send", "to": ["mira"], "wait_s": 1, "content": { "kind": "text", "text": "hi" } });
        assert!(matches!(parsed(text).unwrap(), (Request::Send { .. }, None)));
    }
}
