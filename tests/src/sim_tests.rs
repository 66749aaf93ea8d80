//! The simulation itself: quinn over it behaves, and a seed repeats.

#![allow(clippy::unwrap_used)]

use super::*;
use quinn::{
    EndpointConfig, TokioRuntime,
    crypto::rustls::{QuicClientConfig, QuicServerConfig},
    rustls::{
        ClientConfig, DigitallySignedStruct, Error, ServerConfig, SignatureScheme,
        client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
        crypto::ring,
        pki_types::{CertificateDer, PrivatePkcs8KeyDer, ServerName, UnixTime},
        server::AlwaysResolvesServerRawPublicKeys,
        sign::CertifiedKey,
        version::TLS13,
    },
};

const A: &str = "10.0.0.1:1";
const B: &str = "10.0.0.2:1";

/// The key pair of RFC 8410 §10.3.
const KEY: [u8; 48] = [
    0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20, 0xd4, 0xee, 0x72, 0xdb, 0xf9,
    0x13, 0x58, 0x4a, 0xd5, 0xb6, 0xd8, 0xf1, 0xf7, 0x69, 0xf8, 0xad, 0x3a, 0xfe, 0x7c, 0x28, 0xcb, 0xf1, 0xd4, 0xfb, 0xe0, 0x97,
    0xa8, 0x8f, 0x44, 0x75, 0x58, 0x42,
];

/// Here nobody attacks.
#[derive(Debug)]
struct AnyServer;

impl ServerCertVerifier for AnyServer {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }
    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(Error::General("no TLS 1.2".into()))
    }
    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }
    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        vec![SignatureScheme::ED25519]
    }
    fn requires_raw_public_keys(&self) -> bool {
        true
    }
}

fn endpoint(network: &SimNetwork, address: &str) -> quinn::Endpoint {
    let key = ring::sign::any_eddsa_type(&PrivatePkcs8KeyDer::from(&KEY[..])).unwrap();
    let key = Arc::new(CertifiedKey::new(vec![CertificateDer::from(key.public_key().unwrap().to_vec())], key));
    let provider = Arc::new(ring::default_provider());
    let mut server = ServerConfig::builder_with_provider(provider.clone())
        .with_protocol_versions(&[&TLS13])
        .unwrap()
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(AlwaysResolvesServerRawPublicKeys::new(key)));
    server.alpn_protocols = vec![b"sim".to_vec()];
    let mut client = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&TLS13])
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(AnyServer))
        .with_no_client_auth();
    client.alpn_protocols = vec![b"sim".to_vec()];
    let server = quinn::ServerConfig::with_crypto(Arc::new(QuicServerConfig::try_from(server).unwrap()));
    let socket = network.socket(address.parse().unwrap());
    let mut config = EndpointConfig::default();
    config.rng_seed(Some([7; 32]));
    let mut endpoint = quinn::Endpoint::new_with_abstract_socket(config, Some(server), socket, Arc::new(TokioRuntime)).unwrap();
    let client = QuicClientConfig::try_from(client).unwrap();
    endpoint.set_default_client_config(quinn::ClientConfig::new(Arc::new(client)));
    endpoint
}

/// Sends `len` bytes from A to B; returns how long that took there, and what passed.
async fn transfer(network: &SimNetwork, len: usize, meanwhile: impl Future<Output = ()>) -> (Duration, Counts) {
    let (a, b) = (endpoint(network, A), endpoint(network, B));
    let content: Vec<u8> = (0..len).map(|place| (place % 251) as u8).collect();
    let start = Instant::now();
    let send = async {
        let connection = a.connect(B.parse().unwrap(), "sim").unwrap().await.unwrap();
        let mut stream = connection.open_uni().await.unwrap();
        stream.write_all(&content).await.unwrap();
        stream.finish().unwrap();
        stream.stopped().await.unwrap();
        connection.close(0u32.into(), b"");
    };
    let receive = async {
        let connection = b.accept().await.unwrap().await.unwrap();
        connection.accept_uni().await.unwrap().read_to_end(len).await.unwrap()
    };
    let ((), received, ()) = tokio::join!(send, receive, meanwhile);
    assert!(received == content);
    (start.elapsed(), network.counts())
}

const STORM: Weather = Weather {
    latency: Duration::from_millis(10),
    jitter: Duration::from_millis(3),
    loss: 0.05,
    reorder: 0.02,
    rate: Some(12_500_000),
    buffer: Duration::from_millis(50),
    mtu: 1472,
};

#[tokio::test(start_paused = true)]
async fn a_mebibyte_crosses_a_network_that_loses_five_in_a_hundred() {
    let real = std::time::Instant::now();
    let (took, counts) = transfer(&SimNetwork::with_weather(1, STORM), 1 << 20, async {}).await;
    println!("1 MiB at 5 % loss: {took:?} there, {:?} here, {counts:?}", real.elapsed());
    assert!(counts.lost > counts.sent / 50 && counts.lost < counts.sent / 10, "{counts:?}");
    assert!(real.elapsed() < Duration::from_secs(5));
}

#[tokio::test(start_paused = true)]
async fn the_rate_is_kept() {
    let weather = Weather { rate: Some(1_000_000), ..Weather::default() };
    let (took, _) = transfer(&SimNetwork::with_weather(2, weather), 3_000_000, async {}).await;
    assert!(took > Duration::from_secs(3) && took < Duration::from_secs(6), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn nothing_passes_a_cut_and_all_is_well_after() {
    let network = SimNetwork::with_weather(3, Weather { rate: Some(1_000_000), ..Weather::default() });
    let [a, b]: [SocketAddr; 2] = [A, B].map(|address| address.parse().unwrap());
    let cut = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        network.cut(a.ip(), b.ip());
        tokio::time::sleep(Duration::from_millis(10)).await;
        let before = network.counts().bytes;
        tokio::time::sleep(Duration::from_secs(5)).await;
        assert_eq!(network.counts().bytes, before);
        network.join(a.ip(), b.ip());
    };
    let (took, _) = transfer(&network, 2_000_000, cut).await;
    assert!(took > Duration::from_secs(6), "{took:?}");
}

/// Quinn moves a client's connection along when the client's address changes.
#[tokio::test(start_paused = true)]
async fn a_host_can_get_another_address() {
    let network = SimNetwork::with_weather(4, Weather { rate: Some(1_000_000), ..Weather::default() });
    let moved = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        network.readdress(A.parse().unwrap(), "10.0.0.9:1".parse().unwrap());
    };
    transfer(&network, 2_000_000, moved).await;
}

#[tokio::test(start_paused = true)]
async fn a_seed_gives_the_same_weather_again() {
    async fn weather_of(seed: u64) -> Vec<u8> {
        let network = SimNetwork::with_weather(seed, STORM);
        let (from, to) = (network.socket(A.parse().unwrap()), network.socket(B.parse().unwrap()));
        for number in 0..200 {
            let contents = [number];
            let destination = B.parse().unwrap();
            from.try_send(&Transmit { destination, ecn: None, contents: &contents, segment_size: None, src_ip: None }).unwrap();
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
        let mut seen = Vec::new();
        std::future::poll_fn(|cx| {
            let mut buf = [0; 10];
            let mut meta = [RecvMeta::default()];
            while to.poll_recv(cx, &mut [IoSliceMut::new(&mut buf)], &mut meta).is_ready() {
                seen.push(buf[0]);
            }
            Poll::Ready(())
        })
        .await;
        seen
    }
    let first = weather_of(5).await;
    assert_eq!(first, weather_of(5).await);
    assert_ne!(first, weather_of(6).await);
    assert!(!first.is_sorted(), "jitter reorders");
}
