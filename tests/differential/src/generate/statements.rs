//! Random templates: the actions.

use super::expressions::{expression, pipeline};
use super::{Dice, texts};

/// A template of a few statements.
pub fn template(dice: &mut Dice) -> String {
    let mut out = String::new();
    let mut scope = vec!["$".to_owned()];
    for _ in 0..=dice.below(3) {
        statement(dice, &mut out, &mut scope, 2);
    }
    if dice.chance(3) {
        damage(dice, &mut out);
    }
    out
}

/// Breaks the syntax somewhere.
fn damage(dice: &mut Dice, out: &mut String) {
    let at = dice.below(out.chars().count());
    let odd = *dice.pick(&[
        "{{",
        "}}",
        "{{ end }}",
        "{{ else }}",
        "(",
        ")",
        "|",
        "\"",
        "`",
        ".",
        "$",
        ",",
        ":=",
        "=",
        "{{/*",
        "'",
        "{{ break }}",
        "{{- ",
        " -}}",
        "\n",
        "%",
        "0x",
        "nil",
        "{{ else if true }}",
        "{{ else with 1 }}",
        "{{ continue }}",
        "{{ define \"t0\" }}",
        "{{ end",
        "{{ if }}",
        "{{ range $i, $e, $x := .Values.l1 }}",
        "{{ template }}",
        "{{ block \"b\" }}",
        "{{ template \"none\" . }}",
        " := 1",
        "\u{1}",
        "\0",
        "é",
        "*/",
        "/*",
        "{{}}",
        "{{.}}",
        "{{-}}",
        "{{- -}}",
        "\\",
    ]);
    let byte = out.char_indices().nth(at).map_or(0, |(byte, _)| byte);
    out.insert_str(byte, odd);
}

fn open(dice: &mut Dice) -> &'static str {
    match dice.below(20) {
        0..=3 => "{{- ",
        4 => "{{",
        5 => "{{-\n  ",
        _ => "{{ ",
    }
}

fn close(dice: &mut Dice) -> &'static str {
    match dice.below(20) {
        0..=3 => " -}}",
        4 => "}}",
        5 => "\n -}}",
        _ => " }}",
    }
}

fn literal_text(dice: &mut Dice, out: &mut String) {
    out.push_str(dice.word(&[
        "x", " ", "\n", "  y\n", " - ", "\t", "<a>", "é", "\n\n", "#", "\r\n", "}}", "{ {", "\u{a0}", "\u{1}",
    ]));
}

fn action(dice: &mut Dice, out: &mut String, text: &str) {
    let (open, close) = (open(dice), close(dice));
    out.push_str(&format!("{open}{text}{close}"));
}

fn body(dice: &mut Dice, out: &mut String, scope: &mut Vec<String>, depth: usize) {
    let mark = scope.len();
    for _ in 0..=dice.below(2) {
        statement(dice, out, scope, depth);
    }
    scope.truncate(mark);
}

fn statement(dice: &mut Dice, out: &mut String, scope: &mut Vec<String>, depth: usize) {
    if dice.chance(30) {
        literal_text(dice, out);
    }
    let choice = if depth == 0 { dice.below(8) } else { dice.below(18) };
    match choice {
        8 => {
            let condition = pipeline(dice, scope, 'b', 2);
            let mark = scope.len();
            let name = variable(dice, scope, 10);
            let name = name.map_or(String::new(), |name| format!("{name} := "));
            action(dice, out, &format!("if {name}{condition}"));
            body(dice, out, scope, depth - 1);
            if dice.chance(30) {
                let other = pipeline(dice, scope, 'a', 1);
                action(dice, out, &format!("else if {other}"));
                body(dice, out, scope, depth - 1);
            }
            if dice.chance(50) {
                action(dice, out, "else");
                body(dice, out, scope, depth - 1);
            }
            action(dice, out, "end");
            scope.truncate(mark);
        }
        16 => assignments(dice, out, scope),
        17 => definitions(dice, out, scope),
        9 => {
            let value = pipeline(dice, scope, 'a', 2);
            let name = variable(dice, scope, 30);
            action(
                dice,
                out,
                &format!(
                    "with {}{value}",
                    name.map_or(String::new(), |name| format!("{name} := "))
                ),
            );
            out.push_str("{{ toJson . }}");
            body(dice, out, scope, depth - 1);
            if dice.chance(40) {
                let other = if dice.chance(20) { "else with .x2" } else { "else" };
                action(dice, out, other);
                body(dice, out, scope, depth - 1);
            }
            action(dice, out, "end");
        }
        10 | 11 => range(dice, out, scope, depth),
        12 => {
            let (name, value) = (format!("t{}", dice.below(3)), expression(dice, scope, 'a', 1));
            let kind = dice.below(4);
            if kind == 0 {
                action(dice, out, &format!("block \"{name}\" {value}"));
            } else {
                action(dice, out, &format!("define \"{name}\""));
            }
            out.push_str("<{{ kindOf . }}>");
            literal_text(dice, out);
            out.push_str("{{ end }}");
            match kind {
                1 => action(dice, out, &format!("template \"{name}\" {value}")),
                2 => action(dice, out, &format!("include \"{name}\" {value} | quote")),
                3 => action(
                    dice,
                    out,
                    &format!("tpl \"[{{{{ template \\\"{name}\\\" . }}}}]\" {value}"),
                ),
                _ => {}
            }
        }
        13 => out.push_str(dice.word(&[
            "{{/* note */}}",
            "{{- /* note */ -}}",
            " {{- /* a\nb */}} ",
            "{{/**/ -}}",
            "{{- /*}}*/ -}}",
            "{{ /* spaced */ }}",
            "\n{{- \"\" -}}\n",
            "{{ \"}}\" }}",
            "{{ `{{` }}",
            "{{ \"a\\nb\" -}} ",
        ])),
        14 => {
            let text = *dice.pick(&[
                "{{ .Values.s1 }}",
                "{{ . | toJson }}",
                "{{ range .Values.l1 }}{{ . }},{{ end }}",
                "{{ .Values.missing.x }}",
                "{{ include \"t0\" . }}",
                "{{ define \"t9\" }}T{{ end }}{{ template \"t9\" }}",
                "{{ fail \"no\" }}",
                "{{ .nope }}",
                "{{ $x := 1 }}{{ $x }}",
                "{{",
                "<no value>{{ .nope }}",
            ]);
            let subject = expression(dice, scope, 'a', 1);
            let subject = if dice.chance(60) { "$".to_owned() } else { subject };
            action(dice, out, &format!("tpl {} {subject}", texts::quoted(text)));
        }
        15 => {
            let name = variable(dice, scope, 100).unwrap_or_default();
            let value = pipeline(dice, scope, 'a', 2);
            action(dice, out, &format!("{name} := {value}"));
            if dice.chance(40) {
                let other = pipeline(dice, scope, 'a', 1);
                action(dice, out, &format!("{name} = {other}"));
            }
            out.push_str(&format!("{{{{ {name} | toString }}}}"));
        }
        _ => {
            let kind = *dice.pick(&['s', 's', 'i', 'b', 'l', 'd', 'a']);
            let mut text = pipeline(dice, scope, kind, 3);
            if kind != 's' && dice.chance(40) {
                text.push_str(dice.word(&[
                    " | toJson",
                    " | toYaml",
                    " | quote",
                    " | kindOf",
                    " | typeOf",
                    " | toString",
                    " | len",
                    " | default \"none\"",
                    " | print",
                    " | printf \"%v %T\" 1",
                    " | printf \"%q\"",
                    " | toToml",
                    " | toYamlPretty",
                    " | toPrettyJson",
                    " | toYaml | indent 3",
                    " | toYaml | fromYaml | toJson",
                    " | toJson | fromJson | toJson",
                    " | toString | b64enc | b64dec",
                    " | printf \"%#v\"",
                    " | printf \"%+v|%s\" nil",
                    " | squote",
                    " | html",
                    " | js",
                    " | urlquery",
                    " | empty",
                    " | int64",
                    " | float64",
                    " | toStrings | join \"|\"",
                    " | first",
                    " | last | toJson",
                    " | sortAlpha",
                    " | uniq | toJson",
                    " | has 1",
                    " | index",
                    " | not",
                ]));
            }
            action(dice, out, &text);
        }
    }
}

/// Variables that are set from inside of other actions.
fn assignments(dice: &mut Dice, out: &mut String, scope: &mut [String]) {
    let (list, value) = (pipeline(dice, scope, 'l', 1), expression(dice, scope, 'a', 1));
    out.push_str(&match dice.below(6) {
        0 => format!("{{{{ $n := 0 }}}}{{{{ range {list} }}}}{{{{ $n = add $n 1 }}}}{{{{ end }}}}{{{{ $n }}}}"),
        1 => format!(
            "{{{{ $m := {value} }}}}{{{{ range $i, $m := {list} }}}}{{{{ $m | toJson }}}}{{{{ end }}}}{{{{ $m | toJson }}}}"
        ),
        2 => format!(
            "{{{{ $i := 9 }}}}{{{{ $e := 9 }}}}{{{{ range $i, $e = {list} }}}}{{{{ if eq $i 1 }}}}{{{{ break }}}}{{{{ end }}}}{{{{ end }}}}{{{{ $i }}}}{{{{ $e | toJson }}}}"
        ),
        3 => format!("{{{{ if $x := {value} }}}}{{{{ $x | toJson }}}}{{{{ else }}}}{{{{ $x | toJson }}}}{{{{ end }}}}{{{{ $x }}}}"),
        4 => format!(
            "{{{{ with $w := {value} }}}}{{{{ $w | kindOf }}}}{{{{ $w = 1 }}}}{{{{ $w }}}}{{{{ else with {list} }}}}{{{{ len . }}}}{{{{ else }}}}-{{{{ end }}}}"
        ),
        _ => format!(
            "{{{{ $d := dict }}}}{{{{ range $k, $v := {list} }}}}{{{{ if $v }}}}{{{{ continue }}}}{{{{ end }}}}{{{{ $_ := set $d (toString $k) $v }}}}{{{{ end }}}}{{{{ $d | toJson }}}}"
        ),
    });
}

/// Templates that are defined again, call themselves, or change what they were given.
fn definitions(dice: &mut Dice, out: &mut String, scope: &mut [String]) {
    let (table, value) = (pipeline(dice, scope, 'd', 1), expression(dice, scope, 'a', 1));
    out.push_str(&match dice.below(6) {
        0 => format!(
            "{{{{ define \"r\" }}}}{{{{ if gt (int .) 0 }}}}{{{{ . }}}}{{{{ include \"r\" (sub (int .) 1) }}}}{{{{ end }}}}{{{{ end }}}}{{{{ include \"r\" {} }}}}",
            dice.below(4)
        ),
        1 => format!(
            "{{{{ define \"s\" }}}}{{{{ $_ := set . \"new\" 1 }}}}{{{{ end }}}}{{{{ $d := {table} }}}}{{{{ template \"s\" $d }}}}{{{{ $d | toJson }}}}"
        ),
        2 => format!(
            "{{{{ define \"t0\" }}}}one{{{{ end }}}}{{{{ define \"t0\" }}}}two{{{{ end }}}}{{{{ define \"t0\" }}}}  {{{{ end }}}}{{{{ include \"t0\" {value} }}}}"
        ),
        3 => format!(
            "{{{{ define \"y\" }}}}a: {{{{ . | quote }}}}\nb:\n{{{{ toYaml (list . 1) | indent 2 }}}}\n{{{{ end }}}}{{{{ include \"y\" {value} | fromYaml | toJson }}}}"
        ),
        4 => format!(
            "{{{{ $d := {table} }}}}{{{{ $e := $d }}}}{{{{ $f := deepCopy $d }}}}{{{{ $_ := set $e \"z\" {value} }}}}{{{{ $_ := unset $f \"a\" }}}}{{{{ toJson (list $d $e $f) }}}}"
        ),
        _ => format!(
            "{{{{ with {table} }}}}{{{{ range $k, $v := . }}}}{{{{ $k }}}}={{{{ $v | toJson }}}};{{{{ end }}}}{{{{ $.Values.s1 | quote }}}}{{{{ end }}}}"
        ),
    });
}

fn range(dice: &mut Dice, out: &mut String, scope: &mut Vec<String>, depth: usize) {
    let over = *dice.pick(&['l', 'l', 'd', 'i', 'a']);
    let subject = pipeline(dice, scope, over, 2);
    let mark = scope.len();
    let head = match dice.below(4) {
        0 => {
            scope.extend(["$k".to_owned(), "$v".to_owned()]);
            format!("range $k, $v := {subject}")
        }
        1 => {
            scope.push("$e".to_owned());
            format!("range $e := {subject}")
        }
        _ => format!("range {subject}"),
    };
    action(dice, out, &head);
    out.push_str("{{ toJson . }},");
    if dice.chance(20) {
        let condition = expression(dice, scope, 'b', 1);
        let word = *dice.pick(&["break", "continue"]);
        out.push_str(&format!("{{{{ if {condition} }}}}{{{{ {word} }}}}{{{{ end }}}}"));
    }
    body(dice, out, scope, depth - 1);
    scope.truncate(mark);
    if dice.chance(30) {
        action(dice, out, "else");
        literal_text(dice, out);
    }
    action(dice, out, "end");
}

/// A new variable in `percent` of 100 cases.
fn variable(dice: &mut Dice, scope: &mut Vec<String>, percent: u32) -> Option<String> {
    dice.chance(percent).then(|| {
        let name = format!("$v{}", dice.below(4));
        scope.push(name.clone());
        name
    })
}
