"""The official splits of Matterport3D: the houses of tasks/benchmark/scenes_{train,val,test}.txt."""

_LISTS = {
    "train": """
        17DRP5sb8fy 1LXtFkjw3qL 1pXnuDYAj8r 29hnd4uzFmX 5LpN3gDmAk7 5q7pvUzZiYa 759xd9YjKW5 7y3sRwLe3Va 82sE5b5pLXE
        8WUmhLawc2A aayBHfsNo7d ac26ZMwG7aT B6ByNegPMKs b8cTxDM8gDG cV4RVeZvu5T D7N2EKCX4Sj e9zR4mvMWw7 EDJbREhghzL
        GdvgFV5R1Z5 gTV8FGcVJC9 HxpKQynjfin i5noydFURQK JeFG25nYj2p JF19kD82Mey jh4fc5c5qoQ kEZ7cmS4wCh mJXqzFtmKg4
        p5wJjkQkbXX Pm6F8kyY3z2 pRbA3pwrgk9 PuKPg4mmafe PX4nDJXEHrG qoiz87JEwZ2 rPc6DW4iMge s8pcmisQ38h S9hNv5qa7GM
        sKLMLpTHeUy SN83YJsR3w2 sT4fr6TAbpF ULsKaCPVFJR uNb9QFRL6hY Uxmj2M2itWa V2XKFyX4ASd VFuaQ6m2Qom VVfe2KiqLaN
        Vvot9Ly1tCj vyrNrziPKCB VzqfbhrpDEA XcA2TqTSSAj 2n8kARJN3HM D7G3Y4RVNrH dhjEzFoUFzH E9uDoFAP3SH gZ6f7yhEvPG
        JmbYfDe2QKZ r1Q1Z4BcV1o r47D5H71a5s ur6pFq6Qu1A VLzqgDo317F YmJkqBEsHnH ZMojNkEp431
    """,
    "val": """
        2azQ1b91cZZ 8194nk5LbLH EU6Fwq7SyZv oLBMNvg9in8 QUCTc6BB5sX TbHJrupSAjP X7HyMhZNoso pLe4wQe7qrG x8F5xyUWy9e
        Z6MFQCViBuw zsNo4HB9uLZ
    """,
    "test": """
        2t7WUuJeko7 5ZKStnWn8Zo ARNzJeq3xxb fzynW3qQPVF jtcxE69GiFV pa4otMbVnkk q9vSo1VnCiC rqfALeAoiTq UwV83HsGsw3
        wc2JMjhGNzB WYY7iVyf5p8 YFuZgdQ5vWj yqstnuAEVhm YVUC4YcDtcY gxdoqLR6rwA gYvKGZ5eRqb RPmz2sHmrrY Vt2qJdWjCF2
    """,
}
HOUSES = {split: frozenset(listed.split()) for split, listed in _LISTS.items()}
