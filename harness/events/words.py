"""Closed word lists of the event builder: general Chinese.

They were mended with the development transcripts of Sandglass mini, the calibration half of the
pairs and invented sentences in view; docs/events.md says how independent the rest is.
"""


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


MODAL = _words(
    "喜欢 爱 会 能 能够 可以 要 想 想要 应该 应当 该 得 可 可能 必须 需要 需 敢 肯 愿意 打算 准备 开始 继续 "
    "觉得 像 好像 作为 进行 加以 予以 會 能夠 開始 繼續 才能 才会 就会 就要 一定要 还要 还会 还能 只能 只会 "
    "总会 都会 都能 也会 也能 只好 还得 总得 只得 也要 都要 也得 值得 提前 重新 连续 赶紧 是不是 有没有 试 "
    "试图 想着 急着 忙着 宁可 宁愿 甘愿 来说 起来 下来 出来 下去 上去 过来 過來 起來 出來 必须得 配 懒得 舍得 "
    "好意思 用来 非要 硬要 老是 总是 硬是 听起来 看起来 看上去 说起来 怪 算是 千万 先 再 显得"
)
"""Words before a verb that are no predicates while a verb follows."""

SAYING = _words(
    "嫌 夸 留意 记住 记得 当心 小心 建议 要求 提议 推荐 说 讲 问 喊 骂 笑 告诉 觉得 感觉 认为 以为 知道 相信 "
    "希望 发现 听说 听见 看见 看到 听到 想到 注意 保证 答应 怀疑 承认 宣布 表示 提醒 警告 明白 猜 怕 害怕 "
    "担心 计划 决定 劝 求 發現 認為 以為 覺得 告訴 聽說 說 看 准 允许 禁止 谁知道 证明 解释 透露 声称 强调 "
    "指出 后悔 梦见 预测 估计"
)
"""Verbs that take a clause: what comes after them belongs to that clause."""

ADDRESSING = _words("告诉 答应 劝 求 提醒 问 警告 通知 命令 骂 夸 祝 感谢 教 告訴 問 勸")
"""Verbs of saying that take who is spoken to for an object."""

CAUSING = _words("让 使 叫 令 请 派 逼 害 讓 請 允许")
"""Verbs whose object is the agent of the next verb."""

GOING = _words("去 来 來 到 在 过来 过去 回来 回去 上来 下来 出来 出去 进来 进去 起来")
"""Verbs of motion that are no predicates before another verb."""

HAVING = _words("有 没 没有 有很多 有些 还有 只有 就有 有没有 出现 存在")
"""Verbs that introduce the agent of another verb (有一位律师丢了工作)."""

BEING = _words("是 有 像 在 属于 等于 存在 出现 成为 叫做 就是 也是 还是 都是 不是 全是 正是 才是 就有 还有")
"""Light verbs that carry a statement of their own where no other verb does."""

LIGHT = MODAL | BEING | CAUSING | GOING | _words("弄 搞 做 干 没有 没 称为 得到 变")
"""Verbs that say little alone: without an argument they are no event."""

COVERBS = _words("隔着 沿着 顺着 随着 趁着 朝着 向着 对着 冲着 当着 照着 按着 为了 除了 凭着 借着 本着")
"""Verbs with 着 or 了 that work as prepositions."""

RESULTS = frozenset("来去走到见住开起进出回上下败死破断倒翻醒懂会够成作给光清中错动赢输哑晕透平散跑飞")
"""Complements of one character that belong to the predicate (找到, 打败)."""

FADING = frozenset("掉好完满在着了过")
"""Complements of one character that are left off it (坏掉, 计划好)."""

HEADINGS = _words("起来 下来 出来 进来 上来 过来 回来 起去 下去 出去 进去 上去 过去 回去 开来 開來 起來 出來")
"""Directional complements of two characters, left off (流出来)."""

UNITS = frozenset("块元毛角分")
"""Units of money, after which 钱 counts nothing of its own."""

CLASSIFIERS = (
    "个名位条只张把件本辆座口头匹棵朵杯碗瓶块片根支枝台部家间所场次层份双对群堆批种类颗粒盒袋箱桶罐盘锅壶幅套扇道"
    "顶架艘门首篇句段股阵滴串束排队伙帮"
)
"""Measure words between a numeral and its noun."""

ADDRESSES = _words(
    "爸 妈 爸爸 妈妈 爷爷 奶奶 哥 姐 哥哥 姐姐 老师 老板 师傅 宝贝 亲 亲爱的 各位 兄弟 朋友 孩子 儿子 女儿"
)
"""Words that call the person spoken to, at the head of a clause before a pronoun; others end in 们."""

CONNECTIVES = _words(
    "因为 所以 但是 但 可是 不过 然而 而且 并且 然后 如果 要是 假如 虽然 尽管 由于 因此 于是 只要 只有 即使 "
    "哪怕 就算 除非 否则 不然 要不然 以便 从而 而 既然 无论 不管 不仅 不但 接着 结果 并 而是 就是说 另外 直到 "
    "否則 因為 但卻 雖然 儘管 並且 然後 於是 從而 無論"
)
"""Words that begin a new clause; 和, 跟, 或 and the like join words and are not here."""

NEGATORS = _words(
    "不 没 没有 別 别 未 无 無 非 無法 无法 未能 不能 不会 不要 不用 不可 不可以 不想 不必 不敢 不肯 不该 "
    "不应该 并非 绝不 并不 从不 从没 从未 毫不 毫无 沒 沒有 未曾 不曾 不再 不太 不大 不怎么 不是 没人 没有人 "
    "无人 没法 没能 没办法 休想 不需要 不愿 不愿意 不得 不許 不许 不准 莫 勿 未必 不一定 不可能 并没有 也没 "
    "也不 都不 都没 还没 还没有 还不 决不 绝非 并未 尚未 从来不 很少 从来没有"
)
"""Words that turn the polarity of the predicate after them."""

NOT_NEGATIVE = _words(
    "不错 不過 不过 没事 差不多 不少 不久 不断 不斷 不仅 不但 不管 不同 不禁 不得不 不由得 不好意思 不愧 要不 "
    "要不然 不只 不光 不料 不停 不然 不论 不妨 不一会 不一会儿 不知不觉 不得了 了不起 对不起 没错 没准 没关系 "
    "不要紧 忍不住 禁不住 别人 别的 别墅 别致 未来 未婚妻 未免 无论 無論 无数 無數 无比 无所谓 无线 无人机 "
    "无疑 无非 无聊 无敌 无限 无奈 非常 非洲 非得 非要 非凡 莫非 莫名 不幸 不安 不满 不可思议 不可或缺 不如 "
    "巴不得 恨不得 舍不得 说不定 不用说 动不动 不约而同 不远 不见不散 没完没了 别扭 毫无疑问 毫无疑義 别提 "
    "无辜 无情 无声 无形 无意 无知 不凡 不堪 不朽 不已 不屑 不解 没落 没辙 没命"
)
"""Words with a negative character whose polarity is their own, or none."""

STOP_NOUNS = _words(
    "时候 時候 时 样子 方面 之间 时间段 的话 其实 大家 自己 别人 人家 事 情况 种 个 当时 半天 最后 最初 起初 "
    "以后 之后 小时 分钟 秒钟 秒 月 天 年 公里 公斤 厘米 毫米 斤 吨 块钱 元 欧元 美元 英镑 日元 度 岁 一下 "
    "一点 一些 谁 这样 那样 下 里 上 中 后 前 们"
)
"""Nouns that name nothing of their own and are no argument."""

DIRECTIONS = _words("了 起 到 过 着 出 开 上 下 住 完 懂 见 动 清 掉 成 来 去 得 通 进 回 好 赢 够 透 死 醒 走")
"""Complements of the potential form V不C (打不过, 看不到)."""

ADVERBS = _words("只 就 才 都 也 又 还 再 便 很 太 更 最 真 挺 好")
"""Adverbs that taggers glue to the verb or adjective after them (只用, 很难)."""

GLUED = _words(
    "只好 就业 就职 就位 就座 就近 才能 还原 还款 还债 还清 还手 还击 再见 再现 再次 再说 也许 便宜 便利 最后 "
    "最近 最终 真实 真正 真诚 好像 好看 好吃 好玩 好用 好听 好奇 好转 好比 太阳 太空 太极 更新 更换 更改 更正"
)
"""Words that only look like an adverb and a verb."""

WHOLE = _words(
    "经过 通过 超过 难过 错过 路过 度过 胜过 越过 放过 好过 不过 为了 除了 得了 罢了 算了 受不了 了不起 接着 睡着 "
    "意味着 存在 实在 正在 现在 内在 外在 自在 所在 潜在 觉得 记得 获得 取得 懂得 显得 使得 值得 舍得 晓得 懒得 难得 "
    "认得 赢得 免得 省得 变得"
)
"""Words that only look like a verb with 了, 着, 过, 在 or 得."""

FULL = _words("不满 充满 布满 只好 爱好 讨好 喜好 看好 友好 最好 还好 正好 不完 没完 满")
"""Words that only look like a verb with 完, 满 or 好."""

TRANSITIVE = frozenset("看玩戴打吃喝买卖穿洗写学拿做送抢换修骑养种画唱听读讲切炒煮开关发交付带搬抓捡找")
"""Verbs that taggers glue to a noun of two characters (看电视), or to 想, 要, 去 before them (想吃)."""

INSIDE = frozenset("不得了着过一到出起开上下进回完好掉住给成错懂清个")
"""Second characters of words of three that are no verb and noun (打不过)."""

PRODUCTIVE = frozenset("买卖养种送偷捡抢拿带穿戴收搬扔丢摘抓借租拍修骂喂")
THINGS = frozenset(
    "花钱房车票书酒菜鱼肉米茶药衣鞋画信刀枪球牌表牛羊鸡鸭鹅猫狗马猪蛋糖盐油烟包碗灯树草鸟虫石伞帽瓜果豆布针纸笔琴箱人"
)
"""Verbs and nouns of one character that are two words where they stand together (送花)."""

NO_RESULT = frozenset("要 想 会 能 是 有 来 去 敢 肯 像 嫌 爱 怕 说 没 显".split())
"""Verbs that no complement of one character follows."""

HOW = _words("为什么 为啥 怎么 怎样 怎么样 这么 那么 多么 如何")
MANY = _words("很多 许多 好多 不少 大量 多少 好些 大多 少数 多数 无数")
MANNERS = _words("硬 白 猛 狂 光 净 瞎 乱 直 专 偷偷 悄悄 拼命 使劲")
"""Words that are adverbs before a verb, whatever taggers say; quantities without a value."""

QUESTIONS = _words("对 是 好 行 成 可以 不是")
"""Before 吧 or 吗 at the end, a question that says nothing (对吧)."""

GRADED = frozenset("坏湿红黑白绿大小冷热远近早晚快慢硬软亮暗贵重轻")
"""Adjectives that taggers take for nouns at the end of a clause."""

PLAIN = frozenset("大小多少高低长短新旧好坏老快慢红黄蓝绿白黑粗细厚薄深浅热冷轻重美丑真假干湿软硬胖瘦远近早晚")
"""Adjectives that fall off a noun of one character; others make a word with it (野区)."""

COVERBAL = _words("在 到 通过 经过 靠 向 朝 为 跟 给 像 比 住")
"""Prepositions that are the verb where there is no other."""

BESIDE = _words("底下 下面 上面 里面 外面 后面 前面 旁边 里头 外头 中间 当中 上方 下方")
INNER = frozenset("里上下内中外旁")
"""Words for place after a noun, of two characters and of one."""

MASSES = frozenset("片丝行点些堆股阵")
UNCOUNTED = _words("一眼 一下 一次 一点 一会 一直 一起 一定 一样 一般 一些 一切 一旦 一遍 一趟 一边 一路 一声")
"""Measure words, and whole words, with which 一 counts nothing."""
