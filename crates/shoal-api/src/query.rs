//! Addresses of HTTP: the part behind `?` (WHATWG URL, `application/x-www-form-urlencoded`), and names in a path (RFC 3986).

/// The value of `name`, decoded; `None` when it is not there once, is damaged or no UTF-8.
pub fn value(query: Option<&str>, name: &str) -> Option<String> {
    let mut values = query?.split('&').filter_map(|pair| pair.split_once('=')).filter(|(key, _)| *key == name);
    let (_, value) = values.next().filter(|_| values.next().is_none())?;
    decoded(value, |byte| if byte == b'+' { b' ' } else { byte })
}

/// One name out of a path, decoded; `None` when it is damaged or no UTF-8.
pub fn component(text: &str) -> Option<String> {
    decoded(text, |byte| byte)
}

fn decoded(text: &str, plain: impl Fn(u8) -> u8) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => hex(rest.next()?)? << 4 | hex(rest.next()?)?,
            _ => plain(byte),
        });
    }
    String::from_utf8(bytes).ok()
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

/// `text` with everything but letters, digits and `-._~` encoded (RFC 3986, 2.3), as headers take it (RFC 8187).
pub fn encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => out.push(char::from(byte)),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_decoded_once_and_doubtful_ones_are_none() {
        let get = |query: &str| value(Some(query), "path");
        for text in ["a/b c+d%&=ü🐟.txt", "", "../x", "\u{0}\r\n\u{202e}"] {
            assert_eq!(get(&format!("batch=1&path={}", encoded(text))).as_deref(), Some(text));
        }
        assert_eq!(get("path=a+b%252e").as_deref(), Some("a b%2e"));
        assert_eq!(component("a+b%20c%252e").as_deref(), Some("a+b c%2e"));
        assert_eq!((component("%"), component("%ff")), (None, None));
        for doubtful in ["", "path", "path=a&path=b", "path=%", "path=%4", "path=%zz", "path=%ff", "Path=a"] {
            assert_eq!(get(doubtful), None, "{doubtful}");
        }
        assert_eq!(value(None, "path"), None);
    }
}
