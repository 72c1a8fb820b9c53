"""Invented transcripts in every format that builders read, the same for one seed."""

import json
import random

WHO = "我们 他们 老板 小李 同学们 奶奶 船长 那位医生 两个孩子 邻居家的猫".split()
WHEN = "今天早上 昨天晚上 下雨的时候 上个星期 放学以后 比赛开始前 天还没亮".split()
DONE = "找到了 弄丢了 买下了 送走了 看见了 修好了 忘记了 打开了 藏起了".split()
WHAT = "一把旧雨伞 三张电影票 那本蓝色的书 邻居的自行车 一只受伤的小鸟 门口的红灯笼 整箱的苹果 最后一块月饼".split()
WHERE = "在火车站旁边 在学校的操场上 在河边的小店里 在山顶的亭子里 在地铁的最后一节车厢 在外婆家的院子里".split()
DOMAINS = ("film", "gaming", "travel")


def sentence(rng):
    return "".join((rng.choice(WHEN), rng.choice(WHO), rng.choice(WHERE), rng.choice(DONE), rng.choice(WHAT)))


def cues(rng, number):
    """Sentences with plausible times, and now and then music, a sound, a filler or something too short."""
    found, now = [], 1.0
    for _ in range(number):
        text = sentence(rng)
        odd = rng.random()
        if odd < 0.05:
            text = f"♪ {text} ♪"
        elif odd < 0.1:
            text = "[掌声]"
        elif odd < 0.15:
            text = "好的没问题"
        elif odd < 0.25:
            text = f"嗯，{text}"
        length = len(text) / rng.uniform(4, 7)
        found.append((round(now, 2), round(now + length, 2), text))
        now += length + rng.choice([0.1, 0.2, 0.9])
    return found


def stamp(seconds, comma, hours=2):
    whole, fraction = divmod(round(seconds * 1000), 1000)
    return f"{whole // 3600:0{hours}}:{whole // 60 % 60:02}:{whole % 60:02}{comma}{fraction:03}"


def srt(timed):
    return "".join(f"{n}\n{stamp(a, ',')} --> {stamp(b, ',')}\n{text}\n\n" for n, (a, b, text) in enumerate(timed, 1))


def vtt(timed):
    return "WEBVTT\n\n" + "".join(f"{stamp(a, '.')} --> {stamp(b, '.')}\n{text}\n\n" for a, b, text in timed)


def ass(timed):
    head = "[Script Info]\nScriptType: v4.00+\n\n[Events]\nFormat: Layer, Start, End, Style, Name, MarginL, MarginR, "
    head += "MarginV, Effect, Text\n"
    return head + "".join(
        f"Dialogue: 0,{stamp(a, '.', 1)[:-1]},{stamp(b, '.', 1)[:-1]},Default,,0,0,0,,{{\\i1}}{text}\n"
        for a, b, text in timed
    )


def whisper(timed):
    segments = [{"start": a, "end": b, "text": text} for a, b, text in timed]
    return json.dumps({"text": "", "segments": segments, "language": "zh"}, ensure_ascii=False)


def words(timed):
    found = []
    for a, b, text in timed:
        parts = [text] if text[0] in "[♪" else [text[k : k + 2] for k in range(0, len(text), 2)]
        step = (b - a) / len(parts)
        found += [{"word": part, "start": a + k * step, "end": a + (k + 1) * step} for k, part in enumerate(parts)]
    return json.dumps(found, ensure_ascii=False)


FORMATS = {"srt": srt, "vtt": vtt, "ass": ass, "json": whisper, "words.json": words}


def write_transcripts(folder, each=5, number=40, seed=1):
    """Write ``each`` transcripts of every domain, the formats in turn; return the arguments for ``--input``."""
    rng = random.Random(seed)
    for domain in DOMAINS:
        (folder / domain).mkdir(parents=True)
        for k in range(each):
            suffix, write = list(FORMATS.items())[k % len(FORMATS)]
            (folder / domain / f"{domain}{k:02}.{suffix}").write_text(write(cues(rng, number)), encoding="utf-8")
    return [word for domain in DOMAINS for word in ("--input", f"{domain}={folder / domain}")]
