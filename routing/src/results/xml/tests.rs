use proptest::prelude::*;

use super::*;
use crate::{reference::Reference, results::nothing};

/// What the paths find, each as `.a[0]`, or the document's fault.
fn read_all<const N: usize>(
    document: &[u8],
    paths: [&str; N],
) -> Result<[Result<Option<String>, Fault>; N], Fault> {
    let references = paths.map(|path| Reference::parse(&format!("results{path}")).expect(path));
    let paths = references.each_ref().map(|reference| Some(reference.first()));
    let mut answers = nothing();
    read(document, &paths, &mut answers)?;
    Ok(answers.map(|answer| answer.map(|found| found.into_text().map(|text| text.into_owned()))))
}

fn read_one(document: impl AsRef<[u8]>, path: &str) -> Result<Option<String>, Fault> {
    let [answer] = read_all(document.as_ref(), [path])?;
    answer
}

#[track_caller]
fn finds(document: &str, path: &str, value: &str) {
    assert_eq!(read_one(document, path), Ok(Some(value.into())), "{path} in {document}");
}

#[track_caller]
fn finds_nothing(document: &str, path: &str) {
    assert_eq!(read_one(document, path), Ok(None), "{path} in {document}");
}

#[track_caller]
fn is_refused(document: impl AsRef<[u8]>, path: &str) -> Fault {
    let document = document.as_ref();
    match read_one(document, path) {
        Err(fault) => fault,
        Ok(found) => panic!("{path} in {} is {found:?}", document.escape_ascii()),
    }
}

#[test]
fn the_root_is_one_key_and_its_children_are_keys() {
    let document = "<order><customer>A</customer><items><item>1</item></items></order>";
    finds(document, ".order.customer", "A");
    finds(document, ".order.items.item", "1");
    for path in [
        ".customer",
        ".order",
        ".order.items",
        ".Order.customer",
        ".order.customer.x",
        ".order.missing",
        "[0]",
    ] {
        finds_nothing(document, path);
    }
    finds("<id>A</id>", ".id", "A");
}

#[test]
fn repeated_children_are_an_array_and_a_single_one_is_its_own() {
    let document =
        "<o><id>A</id><x/><id>B</id><one>C</one><deep><id>D</id></deep><deep><id>E</id></deep></o>";
    finds(document, ".o.id[0]", "A");
    finds(document, ".o.id[1]", "B");
    finds(document, ".o.one[0]", "C");
    finds(document, ".o[0].one", "C");
    finds(document, ".o.deep[1].id[0]", "E");
    for path in [".o.id", ".o.id[2]", ".o.one[1]", ".o.deep.id", ".o.one[0][0]", ".o.deep[0]", ".o[1].one"] {
        finds_nothing(document, path);
    }
    finds_nothing("<o><d><id>A</id></d><d/></o>", ".o.d.id");
    finds_nothing("<o><id>A</id><id><!-- x --></id></o>", ".o.id");
}

#[test]
fn attributes_are_keys_with_an_at_sign() {
    let document = "<o id = 'A' xml:lang=\"de\"><c v='&lt;B&#x41;&amp;'\n\tw=\" x\ty\r\nz \"/><d e=''/></o>";
    finds(document, ".o.@id", "A");
    finds(document, ".o.@xml:lang", "de");
    finds(document, ".o.c.@v", "<BA&");
    finds(document, ".o.c.@w", " x y z ");
    for path in [".o.id", ".o.@ID", ".o.@id.x", ".o.@id[0]", ".o.d.@e", ".o.d", ".@id"] {
        finds_nothing(document, path);
    }
    finds("<o><c id='A'/><c id='B'/></o>", ".o.c[1].@id", "B");
    finds_nothing("<o><c id='A'/><c id='B'/></o>", ".o.c.@id");
    finds("<o xmlns='urn:x'><id>A</id></o>", ".o.@xmlns", "urn:x");
}

#[test]
fn text_is_a_trimmed_string() {
    finds("<id>\n\t A B \r\n</id>", ".id", "A B");
    finds("<id>A\r\nB\rC</id>", ".id", "A\nB\nC");
    finds("<id>&lt;&gt;&amp;&apos;&quot;&#65;&#x42;&#x1F600;</id>", ".id", "<>&'\"AB😀");
    finds("<id>é</id>", ".id", "é");
    for document in ["<id/>", "<id></id>", "<id> \n </id>", "<id>&#32;</id>"] {
        finds_nothing(document, ".id");
    }
    finds("<id>\u{a0}A\u{a0}</id>", ".id", "\u{a0}A\u{a0}");
}

#[test]
fn text_beside_attributes_or_children_is_a_key() {
    for document in
        ["<o a='1'> A </o>", "<o>A<c/></o>", "<o><c>x</c> A</o>", "<o><c/>\n<d/>A</o>", "<o xmlns='x'>A</o>"]
    {
        finds(document, ".o.#text", "A");
        finds_nothing(document, ".o");
    }
    finds("<r><o a='1'>A</o></r>", r##".r.o["#text"]"##, "A");
    finds_nothing("<o>A</o>", ".o.#text");
    finds_nothing("<o><c/></o>", ".o.#text");
    finds_nothing("<o a='1'>A</o>", ".o.#text.x");
    finds_nothing("<o a='1'>A</o>", ".#text");
}

#[test]
fn text_around_a_child_is_malformed_where_it_is_referenced() {
    let document = "<r><o>A<c>x</c>B</o><id>C</id></r>";
    is_refused(document, ".r.o.#text");
    finds(document, ".r.o.c", "x");
    finds(document, ".r.id", "C");
}

#[test]
fn cdata_joins() {
    finds("<id>A<![CDATA[<B>&amp;]]>C</id>", ".id", "A<B>&amp;C");
    finds("<id><![CDATA[A]]]]><![CDATA[>]]></id>", ".id", "A]]>");
    finds("<id><![CDATA[ A ]]></id>", ".id", "A");
    finds_nothing("<id><![CDATA[]]></id>", ".id");
    finds("<o a=''><![CDATA[A]]></o>", ".o.#text", "A");
}

#[test]
fn prefixes_are_kept() {
    let document = "<s:Envelope xmlns:s='urn:s'><s:Body><n:id xmlns:n='urn:n'>A</n:id></s:Body></s:Envelope>";
    finds(document, ".s:Envelope.s:Body.n:id.#text", "A");
    finds(document, ".s:Envelope.@xmlns:s", "urn:s");
    finds_nothing(document, ".Envelope.Body.id");
}

/// A prefix makes another name, as in feeds that have a `title` and a `media:title`.
#[test]
fn the_same_name_with_another_prefix_is_another_name() {
    finds("<o><a:id>A</a:id><b:id>B</b:id><id>C</id></o>", ".o.a:id", "A");
    finds("<o><b:id>B</b:id><a:id>A</a:id><id>C</id></o>", ".o.id", "C");
    finds("<o a:id='A' b:id='B' id='C'/>", ".o.@b:id", "B");
}

#[test]
fn a_comment_or_an_instruction_inside_a_referenced_text_is_malformed() {
    for text in [
        "A<!-- x -->B",
        "<!-- x -->A",
        "A<!---->",
        "A<?x y?>B",
        "<?x?>A",
        "A<![CDATA[B]]><!-- x -->",
        "<!-- x -->",
    ] {
        is_refused(format!("<o><id>{text}</id></o>"), ".o.id");
        is_refused(format!("<o><id a=''>{text}</id></o>"), ".o.id.#text");
        finds_nothing(&format!("<o><id a=''>{text}</id></o>"), ".o.id");
        finds(&format!("<o><x>{text}</x><id>A</id></o>"), ".o.id", "A");
    }
    finds(
        "<?xml-stylesheet href='x'?><!-- a --><o><!-- b --><?c d?><id>A</id><!-- e --></o><!-- f --><?g?>",
        ".o.id",
        "A",
    );
    finds("<o>A<c><!-- x --></c></o>", ".o.#text", "A");
}

#[test]
fn a_doctype_is_malformed_and_so_are_its_entities() {
    for doctype in
        ["<!DOCTYPE o>", "<!doctype o>", "<!DOCTYPE o SYSTEM 'file:///etc/passwd'>", "<!DOCTYPE o []>"]
    {
        is_refused(format!("{doctype}<o><id>A</id></o>"), ".o.id");
    }
    let mut bomb = String::from("<!DOCTYPE o [<!ENTITY a0 \"A\">");
    for level in 1..20 {
        bomb += &format!("<!ENTITY a{level} \"{}\">", format!("&a{};", level - 1).repeat(10));
    }
    is_refused(format!("{bomb}]><o><id>&a19;</id></o>"), ".o.id");
    for entity in [
        "&nbsp;",
        "&a0;",
        "&;",
        "&",
        "&lt",
        "&LT;",
        "& lt;",
        "&#;",
        "&#x;",
        "&#0;",
        "&#8;",
        "&#xD800;",
        "&#xFFFF;",
        "&#1114112;",
        "&#X41;",
        "&#+65;",
        "&#6 5;",
        "&#99999999999;",
    ] {
        is_refused(format!("<o><id>{entity}</id></o>"), ".o.id");
        is_refused(format!("<o><x>{entity}</x><id>A</id></o>"), ".o.id");
        is_refused(format!("<o><x y='{entity}'/><id>A</id></o>"), ".o.id");
    }
}

#[test]
fn only_utf8_is_read() {
    for declaration in [
        "<?xml version='1.0'?>",
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>",
        "<?xml version='1.0' encoding='utf-8' standalone='yes' ?>\n",
        "<?xml version = '1.0' standalone='no'?>",
    ] {
        finds(&format!("{declaration}<id>A</id>"), ".id", "A");
    }
    for declaration in [
        "<?xml version='1.0' encoding='ISO-8859-1'?>",
        "<?xml version='1.0' encoding='UTF-16'?>",
        "<?xml version='1.0' encoding='UTF-7'?>",
        "<?xml version='1.0' encoding=''?>",
        "<?xml version='1.1'?>",
        "<?xml?>",
        "<?xml encoding='UTF-8'?>",
        "<?xml encoding='UTF-8' version='1.0'?>",
        "<?xml version='1.0' encoding='UTF-8' encoding='UTF-16'?>",
        "<?xml version='1.0' standalone='maybe'?>",
        "<?xml version='1.0' standalone='yes' encoding='UTF-8'?>",
        "<?xml version='1.0' x='y'?>",
        "<?xml version=1.0?>",
        "<?XML version='1.0'?>",
        " <?xml version='1.0'?>",
        "<?xml version='1.0'?><?xml version='1.0'?>",
        "<!-- x --><?xml version='1.0'?>",
    ] {
        is_refused(format!("{declaration}<id>A</id>"), ".id");
    }
    is_refused("<id>A<?xml version='1.0'?></id>", ".x");
    is_refused(b"<id>\xe9</id>", ".id");
    is_refused(b"<o><x>\xc0\xbc</x><id>A</id></o>", ".o.id");
    is_refused(b"\xff\xfe<\0i\0d\0>\0", ".id");
}

#[test]
fn what_is_not_well_formed_is_malformed() {
    for document in [
        "",
        " ",
        "A",
        "<id>A",
        "<o><id>A</o></id>",
        "<o><id>A</id>",
        "<o><id>A</id></o></o>",
        "</o>",
        "<o><id>A</id></O>",
        "<o><id>A</id></o><o/>",
        "<o><id>A</id></o>x",
        "x<o><id>A</id></o>",
        "<o><id>A</id></o>&lt;",
        "&#32;<o><id>A</id></o>",
        "<o><id>A</id></o><![CDATA[]]>",
        "<o x><id>A</id></o>",
        "<o x=1><id>A</id></o>",
        "<o x='1' x='2'><id>A</id></o>",
        "<o x='1'y='2'><id>A</id></o>",
        "<o x='<'><id>A</id></o>",
        "<o 1='1'><id>A</id></o>",
        "<o ='1'><id>A</id></o>",
        "<o x='1\"><id>A</id></o>",
        "<o /x><id>A</id></o>",
        "<o><id>A]]>B</id></o>",
        "<o><id>A</id><1/></o>",
        "<o><id>A</id>< x/></o>",
        "<o><id>A</id></o >x",
        "<o><id>A</ id></o>",
        "<o><id>A</id x='1'></o>",
        "<o><id>A</id><!-- a -- b --></o>",
        "<o><id>A</id><!-- a ---></o>",
        "<o><id>A</id><!-></o>",
        "<o><id>A</id><!--></o>",
        "<o><id>A</id><!---></o>",
        "<o><id>A</id><![cdata[x]]></o>",
        "<o><id>A</id><!ELEMENT x></o>",
        "<o><id>A</id><??></o>",
        "<o><id>A</id><?x></o>",
        "<o><id>A\u{1}</id></o>",
        "<o><id>A\0</id></o>",
        "<o><id>A</id><x>\u{b}</x></o>",
        "<o><id>A</id><x y='\u{c}'/></o>",
        "<o><id>A</id><a b='1'<c/></o>",
        "<o><id>A</id><a<b/></o>",
        "<o><id>A</id><></></o>",
        "<o><id>A</id><a,b/></o>",
    ] {
        is_refused(document, ".o.id");
    }
    finds("<o ><id\n>A</id\t></o >\n", ".o.id", "A");
}

#[test]
fn an_attribute_that_stands_twice_is_malformed() {
    is_refused("<o><id a='1' b='2' a='3'/></o>", ".o.id.@a");
    is_refused("<o><x a='1' a='1'/><id>A</id></o>", ".o.id");
}

#[test]
fn depth_over_128_is_malformed() {
    let nested = |depth: usize| format!("{}A{}", "<a>".repeat(depth), "</a>".repeat(depth));
    finds(&nested(128), &".a".repeat(128), "A");
    is_refused(nested(129), &".a".repeat(128));
    finds(&format!("<o><id>A</id>{}</o>", nested(127)), ".o.id", "A");
    let fault = is_refused(format!("<o><id>A</id>{}</o>", nested(128)), ".o.id");
    assert!(fault.reason.contains("deeper than 128"), "{fault}");
    is_refused("<a>".repeat(100_000), ".a.a");
    is_refused(format!("<o><id>A</id>{}", "<a>".repeat(100_000)), ".o.id");
}

#[test]
fn much_of_anything_takes_no_more_than_its_length() {
    let attributes: String = (0..1_024).map(|number| format!(" a{number}=''")).collect();
    finds(&format!("<o><x{attributes}/><id>A</id></o>"), ".o.id", "A");
    let fault = is_refused(format!("<o><x y=''{attributes}/><id>A</id></o>"), ".o.id");
    assert!(fault.reason.contains("1024 attributes"), "{fault}");
    finds(&format!("<o>{}{}<id>A</id></o>", " ".repeat(100_000), "<x/>".repeat(100_000)), ".o.id", "A");
    finds(&format!("<o>{}<id>A</id></o>", " <id2>&lt;</id2>".repeat(100_000)), ".o.id", "A");
}

#[test]
fn one_pass_reads_several_paths() {
    let document = b"<o><a x='1'>2<b>3</b></a><c>4</c><c>5</c><d>6<!-- --></d></o>";
    let paths = [".o.a.@x", ".o.a.#text", ".o.a.b", ".o.c", ".o.c[1]", ".o.d", ".o.a[0].b", ".o.c[0]"];
    let read = read_all(document, paths).expect("XML").map(|answer| answer.map_err(drop));
    let found = |text: &str| Ok(Some(text.to_owned()));
    assert_eq!(
        read,
        [found("1"), found("2"), found("3"), Ok(None), found("5"), Err(()), found("3"), found("4")]
    );
}

#[test]
fn a_truncated_document_is_malformed_wherever_it_ends() {
    let document = "<?xml version='1.0'?><o a='1'><!-- x --><id>A&lt;<![CDATA[B]]></id><x/></o>";
    finds(document, ".o.id", "A<B");
    for length in 0..document.len() {
        is_refused(&document[..length], ".o.id");
        is_refused(&document[..length], ".o.missing");
    }
}

/// An element tree.
#[derive(Clone, Debug)]
struct Node {
    name: &'static str,
    attributes: Vec<(&'static str, String)>,
    text: String,
    children: Vec<Node>,
}

impl Node {
    fn write(&self, document: &mut String) {
        let escaped = |text: &str| {
            text.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&#34;").replace('>', "&gt;")
        };
        *document += &format!("<{}", self.name);
        for (name, value) in &self.attributes {
            *document += &format!(" {name}=\"{}\"", escaped(value));
        }
        *document += ">";
        *document += &escaped(&self.text);
        self.children.iter().for_each(|child| child.write(document));
        *document += &format!("</{}>", self.name);
    }

    /// The element by the mapping of part 2, written down as it reads.
    fn value(&self) -> serde_json::Value {
        let text = self.text.trim_matches([' ', '\n']);
        if self.attributes.is_empty() && self.children.is_empty() {
            return text.into();
        }
        let mut object = serde_json::Map::new();
        for (name, value) in &self.attributes {
            object.insert(format!("@{name}"), value.replace('\n', " ").into());
        }
        if !text.is_empty() {
            object.insert("#text".into(), text.into());
        }
        for child in &self.children {
            let same: Vec<_> =
                self.children.iter().filter(|other| other.name == child.name).map(Node::value).collect();
            let value = if same.len() == 1 { same[0].clone() } else { same.into() };
            object.insert(child.name.into(), value);
        }
        object.into()
    }
}

/// What a path finds in a value; an index 0 of what is no array is the value itself, once.
fn walk(value: &serde_json::Value, path: &[crate::reference::Step]) -> Option<String> {
    use crate::reference::Step::{Index, Key};
    match path {
        [] => value.as_str().filter(|text| !text.is_empty()).map(str::to_owned),
        [Key(key), Index(0), rest @ ..] if !key.starts_with(['@', '#']) && !value.get(&**key)?.is_array() => {
            walk(&value[&**key], rest)
        }
        [Key(key), rest @ ..] => walk(value.get(&**key)?, rest),
        [Index(index), rest @ ..] => walk(value.as_array()?.get(*index as usize)?, rest),
    }
}

fn node() -> impl Strategy<Value = Node> {
    let name = prop::sample::select(vec!["a", "b", "c", "é"]);
    let attributes =
        prop::collection::btree_map(prop::sample::select(vec!["a", "x", "y:z"]), "[ A&<>\"'\n]{0,4}", 0..2);
    let leaf =
        (name.clone(), attributes.clone(), "[ \nA&<>\"é]{0,4}").prop_map(|(name, attributes, text)| Node {
            name,
            attributes: attributes.into_iter().collect(),
            text,
            children: Vec::new(),
        });
    leaf.prop_recursive(4, 24, 4, move |inner| {
        (name.clone(), attributes.clone(), "[ \nA]{0,3}", prop::collection::vec(inner, 0..4)).prop_map(
            |(name, attributes, text, children)| Node {
                name,
                attributes: attributes.into_iter().collect(),
                text,
                children,
            },
        )
    })
}

proptest! {
    #[test]
    fn every_value_is_where_the_mapping_puts_it(
        root in node(),
        paths in prop::collection::vec("(\\.(a|b|c|@a|@x|@y:z|#text)|\\[[0-2]\\]){1,6}", 8),
    ) {
        let mut document = String::new();
        root.write(&mut document);
        let value: serde_json::Value = serde_json::json!({ root.name: root.value() });
        let paths: [String; 8] = paths.try_into().expect("eight");
        let read = read_all(document.as_bytes(), paths.each_ref().map(|path| &**path)).expect("XML");
        for (path, read) in paths.iter().zip(read) {
            let reference = Reference::parse(&format!("results{path}")).expect("a path");
            prop_assert_eq!(read, Ok(walk(&value, reference.first())), "{} in {}", path, document);
        }
    }

    #[test]
    fn no_bytes_make_it_panic(document in prop::collection::vec(any::<u8>(), 0..64)) {
        let _ = read_one(document, ".a.b");
    }

    #[test]
    fn nothing_like_xml_makes_it_panic(
        pieces in prop::collection::vec(prop::sample::select(vec![
            "<a>", "</a>", "<b", ">", "/>", " x='", "'", "\"", "=", "<!--", "-->", "--", "<![CDATA[", "]]>", "<?xml", "?>", "<?",
            "&", ";", "#x41", "lt", "A", " ", "\r\n", "<!DOCTYPE", "[", "]", "<", "<!", "é", "\u{feff}", "version='1.0'", "-", "!",
        ]), 0..24),
    ) {
        let document = pieces.concat();
        let _ = read_one(&document, ".a.b[0].@x");
        let _ = read_one(format!("<a>{document}</a>"), ".a.b");
    }
}
