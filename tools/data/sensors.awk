# Windows of four machine sensors with 2 % faults: SYNTHETIC, for predictive maintenance without secrets. 10 000 windows of 32 steps.
#
# A machine carries a load that keeps its level or changes once. Normal: vibration is AR(1) noise whose size grows with the load;
# temperature follows the load slowly; current grows and speed falls with the load; one normal window in ten has a single spike
# in one sensor, which is no fault. A fault (every 50th window) begins somewhere in the first half and is one of
#   bearing   vibration gets an impulse every 4 to 7 steps,
#   cooling   temperature rises by 0.25 to 0.5 a step whatever the load does,
#   slip      speed falls by 3 to 6 a step while the current does not grow with it.
# Windows are in groups of 50 with one fault each; of ten groups, seven train, one validates and two test.
function uniform() { # Park and Miller's minimal standard generator, exact in doubles
    seed = (seed * 16807) % 2147483647
    return seed / 2147483647
}

function normal() {
    return sqrt(-2 * log(uniform())) * cos(6.283185307179586 * uniform())
}

BEGIN {
    seed = 20240229
    print "part,window,step,vibration,temperature,current,speed,label"
    for (w = 0; w < 10000; w++) {
        group = int(w / 50) % 10
        part = group < 7 ? "train" : group == 7 ? "valid" : "test"
        fault = w % 50 == 17 ? 1 + int(3 * uniform()) : 0
        begin = int(16 * uniform())
        every = 4 + int(4 * uniform())
        size = 1 + uniform()
        load = next_load = 0.2 + 0.8 * uniform()
        change = int(64 * uniform())
        if (change < 32) next_load = 0.2 + 0.8 * uniform()
        spike = uniform() < 0.1 ? int(32 * uniform()) : -1
        spiked = int(4 * uniform())
        shake = 0
        warm = 40 + 25 * load
        for (t = 0; t < 32; t++) {
            if (t == change) load = next_load
            shake = 0.6 * shake + normal() * (0.3 + 0.5 * load)
            warm += 0.1 * (40 + 25 * load - warm)
            on = fault && t >= begin ? t - begin + 1 : 0
            x[0] = shake + (fault == 1 && on && (on - 1) % every == 0 ? 2.5 * size : 0)
            x[1] = warm + 0.4 * normal() + (fault == 2 ? 0.25 * size * on : 0)
            x[2] = 8 + 6 * load + 0.3 * normal()
            x[3] = 1500 - 40 * load + 4 * normal() - (fault == 3 ? 3 * size * on : 0)
            if (t == spike) x[spiked] += spiked == 3 ? -60 : spiked == 1 ? 6 : 4
            printf "%s,%d,%d,%.4f,%.4f,%.4f,%.3f,%s\n", part, w, t, x[0], x[1], x[2], x[3], fault ? "fault" : "normal"
        }
    }
}
