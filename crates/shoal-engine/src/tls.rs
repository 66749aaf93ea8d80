//! TLS as Shoal uses it: version 1.3, mutual, raw Ed25519 public keys (RFC 7250), one ALPN, nothing resumed, nothing early.
//!
//! Owns the proof that a connection's other end holds the key it names. Leaves out whether that key is welcome (`links`).
//! Certificates would only wrap the key in fields that somebody would have to check or ignore.

use crate::identity::Identity;
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, DistinguishedName, Error, OtherError, ServerConfig, SignatureScheme,
    client::{
        AlwaysResolvesClientRawPublicKeys, Resumption,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    crypto::{CryptoProvider, WebPkiSupportedAlgorithms, ring as provider, verify_tls13_signature_with_raw_key},
    pki_types::{CertificateDer, PrivatePkcs8KeyDer, ServerName, SubjectPublicKeyInfoDer, UnixTime},
    server::{
        AlwaysResolvesServerRawPublicKeys, NoServerSessionStorage,
        danger::{ClientCertVerified, ClientCertVerifier},
    },
    sign::CertifiedKey,
    version::TLS13,
};
use shoal_proto::{ALPN, PeerId};
use std::{
    any::Any,
    fmt,
    sync::{Arc, OnceLock},
};

/// The DER before the 32 bytes of an Ed25519 key in a SubjectPublicKeyInfo (RFC 8410 §4).
const SPKI_PREFIX: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];

/// Length of an Ed25519 SubjectPublicKeyInfo.
const SPKI_LEN: usize = SPKI_PREFIX.len() + 32;

/// The name that quinn wants for a server. It never leaves this device (no SNI).
pub(crate) const SERVER_NAME: &str = "shoal";

/// Makes this device's TLS configurations.
#[derive(Debug, Clone)]
pub(crate) struct Tls {
    provider: Arc<CryptoProvider>,
    key: Arc<CertifiedKey>,
}

impl Tls {
    /// # Errors
    /// When the key is none that TLS can sign with.
    pub(crate) fn new(identity: &Identity) -> Result<Self, Error> {
        let key = provider::sign::any_eddsa_type(&PrivatePkcs8KeyDer::from(identity.pkcs8()))?;
        let spki = CertificateDer::from(spki(identity.peer_id()).to_vec());
        Ok(Self { provider: Arc::new(crypto_provider(has_fast_aes())), key: Arc::new(CertifiedKey::new(vec![spki], key)) })
    }

    /// For who dials us: any Ed25519 key that is proved.
    ///
    /// # Errors
    /// Never with this provider; rustls wants it said.
    pub(crate) fn server(&self) -> Result<ServerConfig, Error> {
        let verifier = Arc::new(ProvedKey::any(&self.provider));
        let mut config = ServerConfig::builder_with_provider(self.provider.clone())
            .with_protocol_versions(&[&TLS13])?
            .with_client_cert_verifier(verifier)
            .with_cert_resolver(Arc::new(AlwaysResolvesServerRawPublicKeys::new(self.key.clone())));
        config.alpn_protocols = vec![ALPN.to_vec()];
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
        config.max_early_data_size = 0;
        Ok(config)
    }

    /// For dialling: `expected`, or whoever proves a key when it is `None` (an address that somebody typed in). This device's
    /// own key is shown only after the other end proved the right one.
    ///
    /// # Errors
    /// Never with this provider; rustls wants it said.
    pub(crate) fn client(&self, expected: Option<PeerId>) -> Result<(ClientConfig, Arc<ProvedKey>), Error> {
        let verifier = Arc::new(ProvedKey { expected, ..ProvedKey::any(&self.provider) });
        let mut config = ClientConfig::builder_with_provider(self.provider.clone())
            .with_protocol_versions(&[&TLS13])?
            .dangerous() // rustls calls every verifier but WebPKI so
            .with_custom_certificate_verifier(verifier.clone())
            .with_client_cert_resolver(Arc::new(AlwaysResolvesClientRawPublicKeys::new(self.key.clone())));
        config.alpn_protocols = vec![ALPN.to_vec()];
        config.resumption = Resumption::disabled();
        config.enable_early_data = false;
        config.enable_sni = false;
        Ok((config, verifier))
    }
}

/// The key that a connection's other end proved, out of what [`quinn::Connection::peer_identity`] gives. `None`: it is none of
/// our connections.
pub(crate) fn proved_key(peer_identity: Option<Box<dyn Any>>) -> Option<PeerId> {
    let keys = peer_identity?.downcast::<Vec<CertificateDer<'static>>>().ok()?;
    match keys.as_slice() {
        [key] => parse_spki(key),
        _ => None,
    }
}

/// Accepts exactly one raw Ed25519 key, the expected one if there is one, and checks the handshake's signature with it.
pub(crate) struct ProvedKey {
    expected: Option<PeerId>,
    other: OnceLock<PeerId>,
    algorithms: WebPkiSupportedAlgorithms,
}

impl ProvedKey {
    fn any(provider: &CryptoProvider) -> Self {
        Self { expected: None, other: OnceLock::new(), algorithms: provider.signature_verification_algorithms }
    }

    /// The key that was shown in place of the expected one; it was not proved.
    pub(crate) fn other_key_shown(&self) -> Option<PeerId> {
        self.other.get().copied()
    }

    fn check_key(&self, key: &CertificateDer<'_>, more: &[CertificateDer<'_>]) -> Result<(), Error> {
        let shown = parse_spki(key).filter(|_| more.is_empty()).ok_or(CertificateError::BadEncoding)?;
        match self.expected {
            Some(expected) if expected != shown => {
                let _ = self.other.set(shown); // one handshake shows one key; a second would say the same
                Err(CertificateError::Other(OtherError(Arc::new(OtherKey { expected, shown }))).into())
            }
            _ => Ok(()),
        }
    }

    fn check_signature(
        &self,
        message: &[u8],
        key: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        if signature.scheme != SignatureScheme::ED25519 {
            return Err(CertificateError::BadSignature.into());
        }
        verify_tls13_signature_with_raw_key(message, &SubjectPublicKeyInfoDer::from(key.as_ref()), signature, &self.algorithms)
    }
}

impl fmt::Debug for ProvedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProvedKey").field("expected", &self.expected).finish_non_exhaustive()
    }
}

#[derive(Debug, thiserror::Error)]
#[error("{shown} answers where {expected} was expected")]
struct OtherKey {
    expected: PeerId,
    shown: PeerId,
}

impl ServerCertVerifier for ProvedKey {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        self.check_key(end_entity, intermediates).map(|()| ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _cert: &CertificateDer<'_>,
        _dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(Error::PeerIncompatible(rustls::PeerIncompatible::Tls12NotOfferedOrEnabled))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.check_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        vec![SignatureScheme::ED25519]
    }

    fn requires_raw_public_keys(&self) -> bool {
        true
    }
}

impl ClientCertVerifier for ProvedKey {
    fn client_auth_mandatory(&self) -> bool {
        true
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        self.check_key(end_entity, intermediates).map(|()| ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _cert: &CertificateDer<'_>,
        _dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(Error::PeerIncompatible(rustls::PeerIncompatible::Tls12NotOfferedOrEnabled))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.check_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        vec![SignatureScheme::ED25519]
    }

    fn requires_raw_public_keys(&self) -> bool {
        true
    }
}

fn spki(id: PeerId) -> [u8; SPKI_LEN] {
    let mut out = [0; SPKI_LEN];
    let (prefix, key) = out.split_at_mut(SPKI_PREFIX.len());
    prefix.copy_from_slice(&SPKI_PREFIX);
    key.copy_from_slice(id.as_bytes());
    out
}

/// DER has one encoding of such a key: 44 bytes, compared as they are.
fn parse_spki(bytes: &[u8]) -> Option<PeerId> {
    let key = bytes.strip_prefix(&SPKI_PREFIX)?;
    key.try_into().ok().map(PeerId::from_public_key)
}

/// One key exchange and three ciphers, the one that this processor does fastest first.
fn crypto_provider(fast_aes: bool) -> CryptoProvider {
    use provider::cipher_suite::{TLS13_AES_128_GCM_SHA256, TLS13_AES_256_GCM_SHA384, TLS13_CHACHA20_POLY1305_SHA256};
    // AES-128-GCM must be there: QUIC's first packets use it (RFC 9001 §5).
    let cipher_suites = if fast_aes {
        vec![TLS13_AES_128_GCM_SHA256, TLS13_CHACHA20_POLY1305_SHA256, TLS13_AES_256_GCM_SHA384]
    } else {
        vec![TLS13_CHACHA20_POLY1305_SHA256, TLS13_AES_128_GCM_SHA256, TLS13_AES_256_GCM_SHA384]
    };
    CryptoProvider { cipher_suites, kx_groups: vec![provider::kx_group::X25519], ..provider::default_provider() }
}

/// Whether the processor has AES instructions; without them ChaCha20 is several times faster.
pub(crate) fn has_fast_aes() -> bool {
    #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
    return std::arch::is_x86_feature_detected!("aes");
    #[cfg(target_arch = "aarch64")]
    return std::arch::is_aarch64_feature_detected!("aes");
    #[cfg(not(any(target_arch = "x86", target_arch = "x86_64", target_arch = "aarch64")))]
    false
}

#[cfg(test)]
#[path = "tls_tests.rs"]
mod tests;
