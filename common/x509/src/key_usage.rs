//! The key usages of a certificate.

use der::Decode;
use der::asn1::BitStringRef;

/// The key usages of RFC 5280, 4.2.1.3, in the order of their bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct KeyUsages {
    pub(crate) digital_signature: bool,
    pub(crate) content_commitment: bool,
    pub(crate) key_encipherment: bool,
    pub(crate) data_encipherment: bool,
    pub(crate) key_agreement: bool,
    pub(crate) key_cert_sign: bool,
    pub(crate) crl_sign: bool,
    pub(crate) encipher_only: bool,
    pub(crate) decipher_only: bool,
}

impl KeyUsages {
    /// Names in `[x509] allowed_key_usage`, in the order of the bits.
    pub(crate) const NAMES: [&str; 9] = [
        "Digital Signature",
        "Non Repudiation",
        "Key Encipherment",
        "Data Encipherment",
        "Key Agreement",
        "Certificate Sign",
        "CRL Sign",
        "Encipher Only",
        "Decipher Only",
    ];
    /// Names that only `[x509] allow_ca` makes allowed.
    pub(crate) const OF_A_CA: [&str; 2] = ["Certificate Sign", "CRL Sign"];

    /// One for each usage, in the order of [`Self::NAMES`].
    pub(crate) fn bits(self) -> [bool; 9] {
        [
            self.digital_signature,
            self.content_commitment,
            self.key_encipherment,
            self.data_encipherment,
            self.key_agreement,
            self.key_cert_sign,
            self.crl_sign,
            self.encipher_only,
            self.decipher_only,
        ]
    }

    /// From one bit for each usage; the last two mean something only beside key agreement.
    pub(crate) fn from_bits(bits: [bool; 9]) -> Self {
        let [
            digital_signature,
            content_commitment,
            key_encipherment,
            data_encipherment,
            key_agreement,
            ..,
        ] = bits;
        let [.., key_cert_sign, crl_sign, encipher_only, decipher_only] = bits;
        Self {
            digital_signature,
            content_commitment,
            key_encipherment,
            data_encipherment,
            key_agreement,
            key_cert_sign,
            crl_sign,
            encipher_only: encipher_only && key_agreement,
            decipher_only: decipher_only && key_agreement,
        }
    }

    pub(crate) fn from_der(der: &[u8]) -> Result<Self, der::Error> {
        let mut bits = [false; 9];
        for (to, from) in bits.iter_mut().zip(BitStringRef::from_der(der)?.bits()) {
            *to = from;
        }
        Ok(Self::from_bits(bits))
    }

    /// How Python prints the value.
    pub(crate) fn describe(self) -> String {
        let python = |bit| if bit { "True" } else { "False" };
        const ATTRIBUTES: [&str; 9] = [
            "digital_signature",
            "content_commitment",
            "key_encipherment",
            "data_encipherment",
            "key_agreement",
            "key_cert_sign",
            "crl_sign",
            "encipher_only",
            "decipher_only",
        ];
        let shown: Vec<String> = ATTRIBUTES
            .iter()
            .zip(self.bits())
            .map(|(name, bit)| format!("{name}={}", python(bit)))
            .collect();
        format!("<KeyUsage({})>", shown.join(", "))
    }
}
