//! Only key K acts as K: every other way to make a handshake is refused.

#![allow(clippy::unwrap_used)]

use super::*;
use crate::endpoint::{DialError, Endpoint};
use quinn::crypto::rustls::QuicClientConfig;
use rustls::{
    client::ResolvesClientCert,
    sign::{Signer, SigningKey},
};
use std::net::{Ipv4Addr, SocketAddr};

fn endpoint() -> (Endpoint, PeerId) {
    let identity = Identity::ephemeral().unwrap();
    (Endpoint::bind(&identity, Some(Ipv4Addr::LOCALHOST.into()), Some(0)).unwrap(), identity.peer_id())
}

fn tls() -> Tls {
    Tls::new(&Identity::ephemeral().unwrap()).unwrap()
}

/// Dials a real server with a client that somebody tampered with. Tells what both ends saw; a server that does not like the
/// client's key says so only after the client thinks that it is through, hence the wait for the close.
async fn tampered(change: impl FnOnce(&mut ClientConfig)) -> Result<PeerId, String> {
    let (server, id) = endpoint();
    let (mut config, _) = tls().client(Some(id)).unwrap();
    change(&mut config);
    let client = quinn::Endpoint::client((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
    let config = quinn::ClientConfig::new(Arc::new(QuicClientConfig::try_from(config).unwrap()));
    let dial = async {
        match client.connect_with(config, server.local_addr(), SERVER_NAME).unwrap().await {
            Ok(connection) => connection.closed().await.to_string(),
            Err(error) => error.to_string(),
        }
    };
    let accept = async {
        let connection = server.accept().await.unwrap().await.map_err(|error| error.to_string())?;
        let id = proved_key(connection.peer_identity()).unwrap();
        connection.close(0u32.into(), b"");
        Ok(id)
    };
    let (_, accepted) = tokio::join!(dial, accept);
    server.shutdown(&[]).await;
    accepted
}

#[tokio::test]
async fn both_ends_prove_their_keys() {
    let (server, server_id) = endpoint();
    let (client, client_id) = endpoint();
    for expected in [Some(server_id), None] {
        let dial = async { client.dial(server.local_addr(), expected).unwrap().finish().await.unwrap() };
        let accept = async { server.accept().await.unwrap().await.unwrap() };
        let ((dialled, seen), accepted) = tokio::join!(dial, accept);
        assert_eq!(seen, server_id);
        assert_eq!(proved_key(accepted.peer_identity()), Some(client_id));
        let mut out = [[0; 32]; 2];
        dialled.export_keying_material(&mut out[0], b"EXPORTER-test", b"").unwrap();
        accepted.export_keying_material(&mut out[1], b"EXPORTER-test", b"").unwrap();
        assert_eq!(out[0], out[1]);
    }
    client.shutdown(&[]).await;
    server.shutdown(&[]).await;
}

/// A device that took over an address must learn neither who dials nor what they say.
#[tokio::test]
async fn another_key_at_the_address_is_refused_before_ours_is_shown() {
    let (server, _) = endpoint();
    let (client, other_id) = endpoint();
    let dial = async { client.dial(server.local_addr(), Some(other_id)).unwrap().finish().await };
    let accept = async { server.accept().await.unwrap().await };
    let (dialled, accepted) = tokio::join!(dial, accept);
    assert!(matches!(dialled, Err(DialError::WrongKey(at)) if at == server.local_addr()), "{dialled:?}");
    assert!(accepted.is_err());
}

#[tokio::test]
async fn an_honest_client_passes_the_same_harness() {
    assert!(tampered(|_| {}).await.is_ok());
}

#[tokio::test]
async fn a_client_without_a_key_is_refused() {
    #[derive(Debug)]
    struct NoKey;
    impl ResolvesClientCert for NoKey {
        fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
            None
        }
        fn only_raw_public_keys(&self) -> bool {
            true
        }
        fn has_certs(&self) -> bool {
            false
        }
    }
    let refused = tampered(|config| config.client_auth_cert_resolver = Arc::new(NoKey)).await;
    assert!(refused.is_err(), "{refused:?}");
}

/// It offers X.509 in place of a raw key; the server must not fall back to reading certificates.
#[tokio::test]
async fn a_client_with_a_certificate_is_refused() {
    #[derive(Debug)]
    struct Certificate(Arc<CertifiedKey>);
    impl ResolvesClientCert for Certificate {
        fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
            Some(self.0.clone())
        }
        fn has_certs(&self) -> bool {
            true
        }
    }
    let key = tls().key;
    let refused = tampered(move |config| config.client_auth_cert_resolver = Arc::new(Certificate(key))).await;
    assert!(refused.is_err(), "{refused:?}");
}

#[tokio::test]
async fn another_protocol_is_refused() {
    for alpn in [vec![], vec![b"shoal/2".to_vec()], vec![b"h3".to_vec()]] {
        let refused = tampered(move |config| config.alpn_protocols = alpn).await;
        assert!(refused.is_err(), "{refused:?}");
    }
}

/// The key is public: showing somebody else's is easy, signing with it is not.
#[tokio::test]
async fn a_cloned_key_signed_for_by_another_is_refused() {
    let (victim, other) = (Identity::ephemeral().unwrap(), tls());
    let cloned = CertifiedKey::new(vec![spki(victim.peer_id()).to_vec().into()], other.key.key.clone());
    let refused = tampered(|config| {
        config.client_auth_cert_resolver = Arc::new(AlwaysResolvesClientRawPublicKeys::new(Arc::new(cloned)));
    })
    .await;
    assert!(refused.is_err(), "{refused:?}");
}

/// The same with the roles changed: a server that shows the expected key but cannot sign with it.
#[tokio::test]
async fn a_server_with_a_cloned_key_is_refused() {
    let (victim, mut impostor) = (Identity::ephemeral().unwrap(), tls());
    let signer = impostor.key.key.clone();
    impostor.key = Arc::new(CertifiedKey::new(vec![spki(victim.peer_id()).to_vec().into()], signer));
    let crypto = quinn::crypto::rustls::QuicServerConfig::try_from(impostor.server().unwrap()).unwrap();
    let config = quinn::ServerConfig::with_crypto(Arc::new(crypto));
    let server = quinn::Endpoint::server(config, (Ipv4Addr::LOCALHOST, 0).into()).unwrap();
    let address: SocketAddr = server.local_addr().unwrap();
    let (client, _) = endpoint();
    let accept = async { server.accept().await.unwrap().await };
    let dial = async { client.dial(address, Some(victim.peer_id())).unwrap().finish().await };
    let (dialled, _) = tokio::join!(dial, accept);
    assert!(matches!(dialled, Err(DialError::Failed(_))), "{dialled:?}");
}

#[tokio::test]
async fn a_signature_by_another_scheme_is_refused() {
    #[derive(Debug)]
    struct Mislabelled(Arc<dyn SigningKey>);
    impl SigningKey for Mislabelled {
        fn choose_scheme(&self, offered: &[SignatureScheme]) -> Option<Box<dyn Signer>> {
            self.0.choose_scheme(offered).map(|signer| Box::new(Wrapped(signer)) as Box<dyn Signer>)
        }
        fn algorithm(&self) -> rustls::SignatureAlgorithm {
            self.0.algorithm()
        }
    }
    #[derive(Debug)]
    struct Wrapped(Box<dyn Signer>);
    impl Signer for Wrapped {
        fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Error> {
            self.0.sign(message)
        }
        fn scheme(&self) -> SignatureScheme {
            SignatureScheme::ECDSA_NISTP256_SHA256
        }
    }
    let honest = tls().key;
    let key = CertifiedKey::new(honest.cert.clone(), Arc::new(Mislabelled(honest.key.clone())));
    let refused = tampered(|config| {
        config.client_auth_cert_resolver = Arc::new(AlwaysResolvesClientRawPublicKeys::new(Arc::new(key)));
    })
    .await;
    assert!(refused.is_err(), "{refused:?}");
}

/// Nothing of an old session opens a new one: a revoked key would come back through a ticket.
#[test]
fn nothing_is_resumed_and_nothing_is_early() {
    let tls = tls();
    let server = tls.server().unwrap();
    assert_eq!(server.send_tls13_tickets, 0);
    assert_eq!(server.max_early_data_size, 0);
    assert!(!server.session_storage.can_cache());
    assert!(!server.ticketer.enabled());
    assert_eq!(server.alpn_protocols, [ALPN]);
    assert!(!server.send_half_rtt_data);

    let (client, _) = tls.client(None).unwrap();
    assert!(!client.enable_early_data);
    assert!(!client.enable_sni);
    assert_eq!(client.alpn_protocols, [ALPN]);
    let resumption = format!("{:?}", client.resumption);
    assert!(resumption.contains("NoClientSessionStorage"), "{resumption}");
    for provider in [server.crypto_provider(), client.crypto_provider()] {
        assert!(provider.cipher_suites.iter().all(|suite| suite.tls13().is_some()));
        assert_eq!(provider.kx_groups.len(), 1);
    }
    let verifier = ProvedKey::any(&tls.provider);
    assert_eq!(ServerCertVerifier::supported_verify_schemes(&verifier), [SignatureScheme::ED25519]);
    assert_eq!(ClientCertVerifier::supported_verify_schemes(&verifier), [SignatureScheme::ED25519]);
    assert!(ClientCertVerifier::client_auth_mandatory(&verifier) && ClientCertVerifier::offer_client_auth(&verifier));
    assert!(ClientCertVerifier::requires_raw_public_keys(&verifier) && ServerCertVerifier::requires_raw_public_keys(&verifier));
}

#[test]
fn the_fastest_cipher_of_the_processor_comes_first() {
    let first = |fast_aes| crypto_provider(fast_aes).cipher_suites[0].suite();
    assert_eq!(first(true), rustls::CipherSuite::TLS13_AES_128_GCM_SHA256);
    assert_eq!(first(false), rustls::CipherSuite::TLS13_CHACHA20_POLY1305_SHA256);
}

#[test]
fn a_key_has_one_encoding() {
    let id = PeerId::from_public_key([9; 32]);
    let good = spki(id);
    assert_eq!(parse_spki(&good), Some(id));
    assert_eq!(parse_spki(&good[..43]), None);
    assert_eq!(parse_spki(&[&good[..], &[0]].concat()), None);
    for place in 0..SPKI_PREFIX.len() {
        let mut wrong = good;
        wrong[place] ^= 1;
        assert_eq!(parse_spki(&wrong), None, "byte {place}");
    }
}
