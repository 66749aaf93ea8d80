//! The least TLS that QUIC takes: the server has a raw key (RFC 7250) that nobody knows, and the client takes any.

use crate::Result;
use rustls::{
    ClientConfig, DigitallySignedStruct, Error, ServerConfig, SignatureScheme,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    crypto::{CryptoProvider, ring, verify_tls13_signature_with_raw_key},
    pki_types::{CertificateDer, PrivatePkcs8KeyDer, ServerName, SubjectPublicKeyInfoDer, UnixTime},
    server::AlwaysResolvesServerRawPublicKeys,
    sign::CertifiedKey,
    version::TLS13,
};
use std::sync::Arc;

/// The DER before the seed of an Ed25519 key in PKCS #8 (RFC 8410 §7).
const PKCS8_PREFIX: [u8; 16] = [0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20];

/// ring, AES-128-GCM alone: the quickest where the processor has AES, and what QUIC's first packets take anyway.
fn provider() -> Arc<CryptoProvider> {
    Arc::new(CryptoProvider { cipher_suites: vec![ring::cipher_suite::TLS13_AES_128_GCM_SHA256], ..ring::default_provider() })
}

pub(super) fn server() -> Result<quinn::ServerConfig> {
    let pkcs8 = [&PKCS8_PREFIX[..], &[7; 32]].concat();
    let made = || {
        let key = ring::sign::any_eddsa_type(&PrivatePkcs8KeyDer::from(pkcs8))?;
        let public = key.public_key().ok_or_else(|| Error::General("a key without a public half".to_owned()))?.to_vec();
        let key = Arc::new(CertifiedKey::new(vec![CertificateDer::from(public)], key));
        let config = ServerConfig::builder_with_provider(provider())
            .with_protocol_versions(&[&TLS13])?
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(AlwaysResolvesServerRawPublicKeys::new(key)));
        quinn::crypto::rustls::QuicServerConfig::try_from(config).map_err(|e| Error::General(e.to_string()))
    };
    made().map(|config| quinn::ServerConfig::with_crypto(Arc::new(config))).map_err(|e| format!("TLS: {e}"))
}

pub(super) fn client() -> Result<quinn::ClientConfig> {
    let made = || {
        let config = ClientConfig::builder_with_provider(provider())
            .with_protocol_versions(&[&TLS13])?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(AnyKey(provider())))
            .with_no_client_auth();
        quinn::crypto::rustls::QuicClientConfig::try_from(config).map_err(|e| Error::General(e.to_string()))
    };
    made().map(|config| quinn::ClientConfig::new(Arc::new(config))).map_err(|e| format!("TLS: {e}"))
}

/// Takes every key that is proved.
#[derive(Debug)]
struct AnyKey(Arc<CryptoProvider>);

impl ServerCertVerifier for AnyKey {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> std::result::Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _key: &CertificateDer<'_>,
        _signed: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, Error> {
        Err(Error::General("QUIC has no TLS 1.2".to_owned()))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        key: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls13_signature_with_raw_key(message, &SubjectPublicKeyInfoDer::from(key.as_ref()), signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        vec![SignatureScheme::ED25519]
    }

    fn requires_raw_public_keys(&self) -> bool {
        true
    }
}
