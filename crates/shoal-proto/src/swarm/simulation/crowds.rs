//! Many take from one.

use super::*;

/// The best that any swarm can do: max(F/us, F/dmin, N·F/(us+Σu)), with equal links.
fn bound(receivers: u32, scene: &Scene) -> Duration {
    let peers = f64::from(receivers);
    Duration::from_secs_f64((scene.bytes() / RATE).max(peers * scene.bytes() / (RATE * (peers + 1.0))))
}

/// Time of the last one over the bound, and what the first source sent over the size.
fn course(receivers: u32, scene: Scene) -> (f64, f64) {
    let (bound, bytes) = (bound(receivers, &scene), scene.bytes());
    let mut swarm = Swarm::new(scene);
    assert!(swarm.run(bound * 20), "it stalls: {}", swarm.stalled());
    if std::env::var("V").is_ok() {
        let all: u64 = swarm.nodes.iter().map(|node| node.sent).sum();
        println!("   load {:?}", swarm.load.iter().map(|n| (n * 100) / 16 / (receivers + 1)).collect::<Vec<_>>());
        println!("   twice {} of {}, events {}, all sent {:.3}", swarm.twice, receivers * swarm.scene.lengths.len() as u32, swarm.events, all as f64 / bytes / f64::from(receivers));
    }
    (swarm.last().as_secs_f64() / bound.as_secs_f64(), swarm.nodes[0].sent as f64 / bytes)
}

#[test]
#[ignore = "prints figures"]
fn figures() {
    println!("receivers units slots: time/bound sent/size");
    for (receivers, units) in [(8, 256), (30, 256), (30, 256)] {
        for slots in [8, 12, 16] {
            let begun = std::time::Instant::now();
            let (time, sent) = course(receivers, Scene { slots, ..Scene::crowd(receivers, units, 1) });
            println!("{receivers:>9} {units:>5} {slots:>5}: {time:>10.3} {sent:>9.3}   in {:.1} s", begun.elapsed().as_secs_f64());
        }
    }
}
