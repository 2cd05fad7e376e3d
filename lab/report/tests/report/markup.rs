//! Whether markup is well formed.

/// Checks that each tag is closed, in order; the contents of `style` and `script` are skipped.
pub fn assert_balanced(markup: &str) {
    let mut open: Vec<&str> = Vec::new();
    let mut rest = markup;
    while let Some(start) = rest.find('<') {
        rest = &rest[start + 1..];
        let end = rest.find('>').expect("a tag ends");
        let tag = &rest[..end];
        rest = &rest[end + 1..];
        assert_eq!(tag.matches('"').count() % 2, 0, "quotes in <{tag}>");
        let name = tag.trim_start_matches('/').split([' ', '\n']).next().unwrap();
        match name {
            "!DOCTYPE" | "meta" | "br" | "img" => {}
            name if tag.starts_with('/') => assert_eq!(open.pop(), Some(name), "before {:.80}", rest),
            name => open.push(name),
        }
        if matches!(tag, "style" | "script") {
            rest = &rest[rest.find("</").expect("style and script end")..];
        }
    }
    assert_eq!(open, Vec::<&str>::new());
}
