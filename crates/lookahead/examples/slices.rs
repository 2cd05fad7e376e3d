//! Lookahead over slices of one's own: a line fitted through points, evaluated on the slow weights, and saved in mid-cycle.

use lookahead::rules::AdamW;
use lookahead::{Alpha, Error, Grads, Lookahead, LookaheadConfig, Optimizer, ParamSet, SyncPeriod};

/// The gradient of the mean squared error of `slope x + offset` on points of the line `2 x - 1`.
fn gradient(slope: f64, offset: f64) -> [f64; 2] {
    let points = (0..10).map(|i| f64::from(i) / 10.0);
    points.fold([0.0; 2], |[by_slope, by_offset], x| {
        let error = slope * x + offset - (2.0 * x - 1.0);
        [by_slope + error * x / 5.0, by_offset + error / 5.0]
    })
}

fn main() -> Result<(), Error> {
    let config = LookaheadConfig::new().with_sync_period(SyncPeriod::new(6)?).with_alpha(Alpha::new(0.8)?);
    let optimizer = Lookahead::with_config(AdamW::new().with_weight_decay(0.0)?, config)?;

    let mut weights = [0.0, 0.0]; // steps write straight into this array
    let mut params = ParamSet::new();
    params.push("line", [2], &mut weights[..])?;
    let mut state = optimizer.init(&params);
    for _ in 0..1001 {
        let gradient = gradient(params.slice(0)[0], params.slice(0)[1]);
        let grads = Grads::new(&params, [Some(&gradient[..])])?;
        optimizer.step(0.02, &mut params, &grads, &mut state);
    }
    println!("{} syncs, {} steps into the next cycle", state.clock().outer(), state.clock().phase());

    #[cfg(feature = "serde")]
    {
        let bytes = lookahead::Snapshot::capture(&optimizer, &params, &state)?.to_bytes()?;
        state = lookahead::Snapshot::from_bytes(&bytes)?.restore(&optimizer, &mut params)?;
        println!("saved and restored from {} bytes", bytes.len());
    }

    let line = &state.slow()[0];
    println!("slope {:.4}, offset {:.4}", line[0], line[1]);
    assert!((line[0] - 2.0).abs() < 1e-2 && (line[1] + 1.0).abs() < 1e-2);
    Ok(())
}
