"""How long a page's frames take, as the page sees it: those between two animation frames."""

from statistics import quantiles

WATCH = """() => {
    window.frames_seen = [];
    let before = performance.now();
    const look = (now) => {
        window.frames_seen.push(now - before);
        before = now;
        window.watching = requestAnimationFrame(look);
    };
    window.watching = requestAnimationFrame((now) => { before = now; window.watching = requestAnimationFrame(look); });
}"""
SEEN = "() => { cancelAnimationFrame(window.watching); return window.frames_seen; }"


def tell(name: str, seen: list[float]) -> None:
    """Say how long the frames took since `WATCH`, in milliseconds: what `SEEN` gave."""
    cuts = quantiles(seen, n=100, method="inclusive")
    verdict = "within" if cuts[98] <= 34 else "OVER"
    numbers = f"p50 {cuts[49]:.0f}  p95 {cuts[94]:.0f}  p99 {cuts[98]:.0f}  max {max(seen):.0f} ms"
    print(f"{name:<44} {len(seen):>5} frames  {numbers}   {verdict} 33 ms at p99")
