//! What a program declares about its options: the counterpart of oslo.config's `Opt` and `OptGroup`.

use indexmap::IndexMap;
use secrecy::{ExposeSecret, SecretString};

/// How the text of an option is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Any text, `StrOpt`.
    String,
    /// `IntOpt`; empty text means unset.
    Integer,
    /// `FloatOpt`; empty text means unset.
    Float,
    /// `BoolOpt`: `true/1/on/yes`, `false/0/off/no`, any case.
    Boolean,
    /// `ListOpt`: separated by commas.
    List,
    /// `DictOpt`: `name:value` pairs separated by commas.
    Dict,
    /// `MultiStrOpt`: every assignment in every file counts, in order.
    Multi,
}

/// One option.
#[derive(Clone, Debug)]
pub struct Opt {
    /// Name in the file.
    pub name: &'static str,
    /// How its text is read.
    pub kind: Kind,
    /// The default as text, for `$substitution` by other options.
    pub default_text: Option<String>,
    /// Older `(group, name)` pairs that are still read.
    pub deprecated: Vec<(&'static str, &'static str)>,
    /// The only values allowed, if not empty.
    pub choices: Vec<&'static str>,
    /// Smallest number allowed.
    pub min: Option<f64>,
    /// Largest number allowed.
    pub max: Option<f64>,
}

impl Opt {
    /// An option without deprecated names or limits.
    pub fn new(name: &'static str, kind: Kind, default_text: Option<String>) -> Self {
        Self {
            name,
            kind,
            default_text,
            deprecated: Vec::new(),
            choices: Vec::new(),
            min: None,
            max: None,
        }
    }
}

/// One group of options.
#[derive(Clone, Debug)]
pub struct Section {
    /// Name in the file, `DEFAULT` in upper case.
    pub name: String,
    /// Its options.
    pub options: Vec<Opt>,
}

impl Section {
    /// The same options read from another group, as keystoneauth's `auth_section` asks for.
    #[must_use]
    pub fn renamed(mut self, name: &str) -> Self {
        name.clone_into(&mut self.name);
        self
    }
}

/// A struct that mirrors a group; implemented by [`section!`](crate::section).
pub trait SectionDef {
    /// The group's name.
    const GROUP: &'static str;
    /// The declaration of its options.
    fn section() -> Section;
    /// Sets one option from text, as it would stand in a file. `Ok(false)` if there is no such option.
    ///
    /// # Errors
    /// What is wrong with the text.
    fn set(&mut self, option: &str, text: &str) -> Result<bool, String>;
}

/// A Rust type an option can have.
pub trait OptionType {
    /// How its text is read.
    const KIND: Kind;
    /// The value as it would stand in a file; `None` if unset.
    fn to_text(&self) -> Option<String>;
}

macro_rules! option_types {
    ($($ty:ty => $kind:ident),* $(,)?) => {$(
        impl OptionType for $ty {
            const KIND: Kind = Kind::$kind;
            fn to_text(&self) -> Option<String> {
                Some(self.to_string())
            }
        }
    )*};
}

option_types!(
    String => String,
    bool => Boolean,
    i64 => Integer,
    u16 => Integer,
    u32 => Integer,
    u64 => Integer,
    usize => Integer,
    f64 => Float,
);

impl OptionType for SecretString {
    const KIND: Kind = Kind::String;
    fn to_text(&self) -> Option<String> {
        Some(self.expose_secret().to_owned())
    }
}

impl<T: OptionType> OptionType for Option<T> {
    const KIND: Kind = T::KIND;
    fn to_text(&self) -> Option<String> {
        self.as_ref().and_then(OptionType::to_text)
    }
}

impl OptionType for Vec<String> {
    const KIND: Kind = Kind::List;
    fn to_text(&self) -> Option<String> {
        Some(self.join(","))
    }
}

impl OptionType for IndexMap<String, String> {
    const KIND: Kind = Kind::Dict;
    fn to_text(&self) -> Option<String> {
        Some(
            self.iter()
                .map(|(k, v)| format!("{k}:{v}"))
                .collect::<Vec<_>>()
                .join(","),
        )
    }
}

/// An option that may be repeated, oslo.config's `MultiStrOpt`.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(transparent)]
pub struct MultiString(pub Vec<String>);

impl OptionType for MultiString {
    const KIND: Kind = Kind::Multi;
    fn to_text(&self) -> Option<String> {
        Some(self.0.join(","))
    }
}

/// Declares a group of options as a struct: fields are the options, expressions their defaults.
///
/// After a default may follow `deprecated("group", "name")` (any number of times), `choices("a", "b")`, `min(1)` and
/// `max(9)`. The struct gets `Clone`, `Debug`, `Deserialize`, `Default` and [`SectionDef`].
#[macro_export]
macro_rules! section {
    (
        $(#[$meta:meta])*
        pub struct $name:ident($group:literal) {
            $(
                $(#[$field_meta:meta])*
                pub $field:ident: $ty:ty = $default:expr $(, $attribute:ident($($argument:expr),*))*;
            )*
        }
    ) => {
        $(#[$meta])*
        #[derive(Clone, Debug, ::serde::Deserialize)]
        #[serde(default)]
        pub struct $name {
            $($(#[$field_meta])* pub $field: $ty,)*
        }

        impl Default for $name {
            fn default() -> Self {
                Self { $($field: $default,)* }
            }
        }

        impl $crate::SectionDef for $name {
            const GROUP: &'static str = $group;

            fn section() -> $crate::Section {
                let defaults = Self::default();
                $crate::Section {
                    name: $group.to_owned(),
                    options: vec![$({
                        #[allow(unused_mut)]
                        let mut opt = $crate::Opt::new(
                            stringify!($field),
                            <$ty as $crate::OptionType>::KIND,
                            $crate::OptionType::to_text(&defaults.$field),
                        );
                        $($crate::section!(@$attribute opt, $($argument),*);)*
                        opt
                    }),*],
                }
            }

            fn set(&mut self, option: &str, text: &str) -> Result<bool, String> {
                let section = Self::section();
                let Some(opt) = section.options.iter().find(|opt| opt.name == option) else { return Ok(false) };
                match option {
                    $(stringify!($field) => {
                        if let Some(value) = $crate::parse_option(opt, text)? {
                            self.$field = value;
                        }
                    })*
                    _ => return Ok(false),
                }
                Ok(true)
            }
        }
    };
    (@deprecated $opt:ident, $group:expr, $name:expr) => { $opt.deprecated.push(($group, $name)) };
    (@choices $opt:ident, $($choice:expr),*) => { $opt.choices = vec![$($choice),*] };
    (@min $opt:ident, $min:expr) => { $opt.min = Some(f64::from($min)) };
    (@max $opt:ident, $max:expr) => { $opt.max = Some(f64::from($max)) };
}
