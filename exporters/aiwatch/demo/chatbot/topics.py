"""What the support desk knows about: one topic for each intent, with what people say and what the bot
replies.

All text was written for this project. `{slots}` are filled by `aiwatch.demo.chatbot.language`. The last
`UNSEEN` phrases of each topic are never shown to the classifier in training: people say things in ways
that nobody thought of, and this is where the bot's honest mistakes come from.
"""

from __future__ import annotations

from dataclasses import dataclass

UNSEEN = 2
"""How many phrases at the end of each topic are kept from the training."""


@dataclass(frozen=True, slots=True)
class Topic:
    """One intent: its name, how often it is asked relative to the others, phrases and replies.

    `handoff` is set where the bot always passes the customer on to a person.
    """

    name: str
    weight: float
    phrases: tuple[str, ...]
    replies: tuple[str, ...]
    handoff: bool = False


TOPICS = (
    Topic(
        "order_status",
        10,
        (
            "where is my order",
            "where is order {order}",
            "what is the status of my order {order}",
            "track my {item}",
            "has my {item} been shipped yet",
            "when will my {item} arrive",
            "i ordered a {item} last {day} and it has not come",
            "my parcel was due on {day}, where is it",
            "can you track order {order} for me",
            "is my order on its way",
            "delivery date of order {order}",
            "the tracking page for {order} shows nothing",
            "still waiting for the {item} i ordered",
            "any news of my parcel",
        ),
        (
            "Your order is on its way and should reach you by {day}. You can follow each step on the tracking page.",
            "I have looked it up: the parcel left our warehouse and is with the carrier. Expected "
            "delivery is {day}, between nine and six. You will get a message on the morning of delivery.",
        ),
    ),
    Topic(
        "change_delivery_address",
        3,
        (
            "change the delivery address of my order",
            "can you send order {order} to another address",
            "i entered the wrong delivery address",
            "please deliver the {item} to {street} instead",
            "ship my order to my office instead of my home",
            "i am moving, can order {order} go to {street}",
            "how do i change where my parcel is delivered",
            "update the shipping address for order {order}",
            "the shipping address on my order is wrong",
            "redirect my parcel to {city}",
            "deliver it to my neighbour at {street}",
            "i typed an old street for my {item} delivery",
        ),
        (
            "Done: as long as the parcel has not left, it goes to the new delivery address.",
            "You can change the address under Orders, Delivery, until the parcel is handed to the carrier. "
            "After that, the carrier's page offers a pick-up point near you.",
        ),
    ),
    Topic(
        "cancel_order",
        4,
        (
            "cancel my order",
            "cancel order {order}",
            "i want to cancel the {item} i ordered",
            "please stop order {order}, i do not need it any more",
            "can i still cancel my order",
            "i ordered the {item} twice, cancel one of them",
            "how do i cancel an order i placed on {day}",
            "i ordered by mistake, cancel it",
            "i changed my mind about the {item} order, please cancel",
            "do not send order {order}, cancel it",
            "i would like to call off my order",
            "ordered the wrong {item}, stop it before it ships",
        ),
        (
            "Your order is cancelled. Nothing will be charged.",
            "I have cancelled the order for you. If the amount was already taken, it goes back to the "
            "same card within three working days.",
        ),
    ),
    Topic(
        "return_item",
        5,
        (
            "i want to return my {item}",
            "how do i send the {item} back",
            "return label for order {order}",
            "can i return the {item} after two weeks",
            "the {item} does not fit, i want to send it back",
            "what is your return policy",
            "i do not like the {item}, how do i return it",
            "where do i drop off a return",
            "start a return for order {order}",
            "is the return of a {item} free",
            "the {item} is not what i expected, take it back please",
            "i need a sticker to post the {item} back to you",
        ),
        (
            "You can return it within 30 days, free of charge. I have sent the label to your e-mail address.",
            "No problem. Print the label, put the item into its box and drop it at any parcel shop. "
            "As soon as it is with us, the money is on its way back to you.",
        ),
    ),
    Topic(
        "refund_status",
        5,
        (
            "where is my refund",
            "when do i get my money back",
            "i returned the {item} but have no refund yet",
            "status of the refund for order {order}",
            "you still owe me {amount} for the returned {item}",
            "how long does a refund take",
            "i have not received the refund of {amount}",
            "my refund has not arrived on my account",
            "has the refund for order {order} been paid",
            "i sent the {item} back on {day}, when is the refund coming",
            "the {amount} for my return never showed up",
            "still no money for the {item} i sent back",
        ),
        (
            "Your refund was issued and takes up to three working days to reach your account.",
            "I can see your return. The refund was released on {day}; depending on the bank it shows up "
            "two or three working days later. Should it be missing after that, write to us again.",
        ),
    ),
    Topic(
        "damaged_item",
        3,
        (
            "my {item} arrived broken",
            "the {item} was damaged in the post",
            "the box was crushed and the {item} is scratched",
            "i received a damaged {item}",
            "there is a crack in my new {item}",
            "the {item} from order {order} came in pieces",
            "the screen of the {item} was cracked when i opened the box",
            "wrong and damaged parts in order {order}",
            "my parcel was torn open and the {item} is dented",
            "i want a replacement because the {item} arrived damaged",
            "opened the parcel and the {item} has a big dent",
            "the new {item} is smashed",
        ),
        (
            "I am sorry about that. A replacement is on its way; please keep the damaged one for the courier.",
            "That should not happen. Send us a photo of the item and of the box, and we ship a "
            "replacement today. The courier takes the damaged one along, you pay nothing.",
        ),
    ),
    Topic(
        "warranty_claim",
        3,
        (
            "my {item} stopped working, is it under warranty",
            "how long is the warranty on the {item}",
            "i want to make a warranty claim",
            "the {item} broke after six months, do i have a guarantee",
            "warranty repair for my {item}",
            "does the guarantee cover the battery of the {item}",
            "my {item} does not switch on any more, can you repair it",
            "send my {item} in for repair",
            "where do i register the warranty of my {item}",
            "is a repair of the {item} free within the guarantee",
            "the {item} died after a year, who fixes it",
            "bought the {item} in {month} and now it is dead",
        ),
        (
            "Your device has a warranty of two years. I have opened a repair for you.",
            "It is covered. Pack the device without accessories, use the label that I have sent you, and "
            "expect it back repaired within ten working days.",
        ),
    ),
    Topic(
        "product_availability",
        4,
        (
            "is the {item} in stock",
            "when will the {item} be available again",
            "do you have the {item} in black",
            "the {item} is sold out, when does it come back",
            "do you sell a {item}",
            "is the {item} available in your store in {city}",
            "tell me when the {item} is back in stock",
            "can i reserve a {item} in the {city} shop",
            "how many of the {item} are left",
            "which colours does the {item} come in",
            "any {item} left at all",
            "can i get the {item} anywhere in {city} today",
        ),
        (
            "It is in stock and ships today.",
            "At the moment it is sold out. We expect new ones by {day}; leave your e-mail address on the "
            "product page and we tell you as soon as they are here.",
        ),
    ),
    Topic(
        "bill_explanation",
        7,
        (
            "why is my bill so high",
            "explain my bill please",
            "my bill for {month} is {amount} higher than usual",
            "what is this charge of {amount} on my bill",
            "i do not understand my {month} bill",
            "there is an unknown charge on my bill",
            "why was i charged {amount}",
            "you charged me twice in {month}",
            "what are the extra fees on my bill",
            "my bill went up in {month}, why",
            "{amount} for {month}, this cannot be right",
            "what did i pay {amount} for",
        ),
        (
            "The difference on your bill comes from calls outside of your plan. The details are on page two.",
            "I went through your bill: the monthly fee is unchanged, the rest are services billed by a "
            "third party on {day}. I can block those for the future and have this one credited.",
        ),
    ),
    Topic(
        "pay_bill",
        5,
        (
            "how can i pay my bill",
            "i want to pay my bill now",
            "pay {amount} for {month}",
            "where do i pay my open bill",
            "can i pay my bill by bank transfer",
            "what is my balance due",
            "can i pay the {month} bill in two instalments",
            "when is my bill due",
            "i forgot to pay my bill for {month}",
            "how much do i have to pay this month",
            "settle what i owe you for {month}",
            "i would like to get the open {amount} out of the way",
        ),
        (
            "You can pay it right now under My account, Bills.",
            "The open amount is due on {day}. Pay by card under My account, Bills, or by transfer with "
            "the reference printed at the top. Instalments are possible from 50 upwards.",
        ),
    ),
    Topic(
        "change_payment_method",
        3,
        (
            "change my payment method",
            "i have a new credit card, how do i update it",
            "replace my card with a bank account",
            "i want to pay by direct debit from now on",
            "update my card details",
            "remove my old credit card from the account",
            "my bank account has changed, where do i enter the new one",
            "add a new card for payments",
            "switch from card payment to direct debit",
            "my card expires in {month}, how do i enter the new one",
            "take the money from another account in future",
            "i have got a different bank now",
        ),
        (
            "You can do this under My account, Payment. The new one counts from the next bill on.",
            "Open My account, then Payment, and choose Add. For a bank account we need the number and "
            "your consent for direct debit; for a card, your bank asks you to confirm once.",
        ),
    ),
    Topic(
        "payment_failed",
        4,
        (
            "my payment failed",
            "my card was declined",
            "the payment for order {order} did not go through",
            "i get an error when i try to pay",
            "why was my payment rejected",
            "the checkout does not accept my card",
            "payment of {amount} failed but the money is gone",
            "direct debit was returned by my bank",
            "paying with my card does not work",
            "the payment page shows an error",
            "your shop refuses my card again and again",
            "tried to pay {amount} three times, nothing works",
        ),
        (
            "Your bank declined the payment. Please try again or use another card.",
            "The payment did not go through because the bank asked for a confirmation that was not given "
            "in time. Nothing was taken. Please try again and keep your banking app at hand.",
        ),
    ),
    Topic(
        "download_invoice",
        3,
        (
            "i need an invoice for order {order}",
            "download my invoice for {month}",
            "where do i find my invoices",
            "send me the invoice as pdf to {email}",
            "i need a receipt for the {item}",
            "can i get a copy of the {month} invoice",
            "invoice with my company name please",
            "the invoice for order {order} is missing",
            "email me the receipt of order {order}",
            "i need an invoice with vat for my {item}",
            "my accountant asks for the papers of {month}",
            "proof of purchase for the {item} please",
        ),
        (
            "Here you are: the invoice is under My account, Documents, as PDF.",
            "I have sent the invoice to your e-mail address. All others of the last two years are under "
            "My account, Documents.",
        ),
    ),
    Topic(
        "change_plan",
        6,
        (
            "i want to change my plan",
            "upgrade me to the {plan} plan",
            "which plan is the best for me",
            "switch from {plan} to {plan}",
            "how much is the {plan} plan",
            "can i downgrade my mobile plan",
            "is there a cheaper plan",
            "what is included in the {plan} plan",
            "when can i change to another tariff",
            "i need a tariff with more minutes",
            "put me on {plan} from {month}",
            "i pay too much, is there something smaller than {plan}",
        ),
        (
            "I have noted the change of plan. It begins with the next month.",
            "With your usage of the last months, {plan} would be the right plan. You can switch once a "
            "month at no cost; the new one starts on the first.",
        ),
    ),
    Topic(
        "data_balance",
        5,
        (
            "how much data do i have left",
            "check my data balance",
            "how many gb are left this month",
            "have i used up my data",
            "what is my data usage",
            "show my remaining mobile data",
            "when does my data volume reset",
            "how much data have i used in {month}",
            "i got a message that 80 percent of my data is gone",
            "where can i see my data usage",
            "am i close to my limit of {gb} gb",
            "what remains of my {gb} gb",
        ),
        (
            "You have {gb} GB left until the end of the month.",
            "Of your data volume, {gb} GB are left, to be used until the first. In the app, the start "
            "page always shows what remains.",
        ),
    ),
    Topic(
        "buy_extra_data",
        3,
        (
            "i want to buy more data",
            "add {gb} gb to my plan",
            "buy an extra data pack",
            "how much do {gb} extra gb cost",
            "i ran out of data, can i top up",
            "top up my data volume",
            "book a data pack of {gb} gb",
            "can i get additional data for this month",
            "extra data for my holiday please",
            "book more high speed data",
            "give me another {gb} gb right now",
            "refill my volume, it is empty",
        ),
        (
            "I have added a data pack of {gb} GB. It can be used at once.",
            "A pack of {gb} GB costs 6 and lasts until the end of the month. I have booked it; the fee "
            "is on your next bill.",
        ),
    ),
    Topic(
        "roaming",
        4,
        (
            "can i use my phone in {country}",
            "what does roaming in {country} cost",
            "activate roaming for {country}",
            "i am travelling to {country}, does my plan work there",
            "my phone has no roaming in {country}",
            "how much are calls from {country} to home",
            "is data roaming included in the {plan} plan",
            "turn off data roaming",
            "roaming charges for {country}",
            "will i pay extra abroad",
            "flying to {country} on {day}, what about my mobile",
            "is using the internet in {country} expensive",
        ),
        (
            "In {country} your plan works as at home.",
            "Roaming is active for you. In {country} you call and surf as at home, up to {gb} GB; after "
            "that it costs 2 a GB. You get a message when you cross the border.",
        ),
    ),
    Topic(
        "network_outage",
        5,
        (
            "is there an outage in {city}",
            "i have no signal",
            "no network since this morning",
            "the mobile network in {city} is down",
            "my internet is down",
            "i cannot make calls, there is no reception",
            "is the network down again",
            "when will the outage in {city} be fixed",
            "there has been no internet since {day}",
            "no service on my phone in {city}",
            "everything is dead here in {city}, no bars at all",
            "nobody in my street can get online",
        ),
        (
            "There is an outage in {city}. Our people are working on it; it should be back within two hours.",
            "I see no outage at your address. Please switch your phone to flight mode for ten seconds; "
            "if there is still no signal, I will open a ticket for you.",
        ),
    ),
    Topic(
        "slow_internet",
        5,
        (
            "my internet is very slow",
            "the connection is slow in the evening",
            "i only get 5 mbit instead of 100",
            "videos keep buffering",
            "why is my wifi so slow",
            "download speed is far below what i pay for",
            "mobile data is extremely slow in {city}",
            "my speed test shows {gb} mbit only",
            "the internet is slow since {day}",
            "slow connection on my {device}",
            "pages take forever to load on my {device}",
            "streaming stutters every night",
        ),
        (
            "Please restart the router and test again with a cable. In most cases this helps.",
            "I have measured your line: it delivers the full speed up to the router. The loss is in the "
            "wireless part. Put the router higher, away from metal, and use the 5 GHz network for your "
            "{device}.",
        ),
    ),
    Topic(
        "router_setup",
        4,
        (
            "how do i set up my router",
            "i cannot connect my {device} to the wifi",
            "where do i find the wifi password",
            "what is the password of my router",
            "the router blinks red",
            "help me install the new router",
            "how do i change the name of my wifi",
            "which cable goes into the router",
            "connect the {device} to the router",
            "my router does not start",
            "the little box with the lights is all red",
            "just got the new box, which plug goes where",
        ),
        (
            "Plug the grey cable into the wall and into the port named DSL, then wait until the light is green.",
            "The name and the password of your wireless network are printed on the bottom of the router. "
            "Choose the network on your {device} and enter the password; mind capital letters.",
        ),
    ),
    Topic(
        "sim_activation",
        4,
        (
            "activate my sim card",
            "my new sim does not work",
            "how do i activate my esim",
            "i received a sim card, what next",
            "the sim activation fails",
            "what is my puk code",
            "i entered the pin wrong three times",
            "move my esim to a new {device}",
            "how long does it take until the sim is active",
            "my {device} says invalid sim",
            "put in the new card and the {device} does not see it",
            "the chip you mailed me is not doing anything",
        ),
        (
            "Your SIM is now active. Please restart the phone.",
            "Open My account, SIM, and enter the last eight digits printed on the card. It takes up to "
            "an hour; then restart your {device}.",
        ),
    ),
    Topic(
        "block_lost_sim",
        2,
        (
            "i lost my phone",
            "my phone was stolen, block my sim",
            "block my number {phone}",
            "lock my sim card at once",
            "someone stole my {device} in {city}",
            "i cannot find my phone, please disable the card",
            "i need a replacement sim after my phone was stolen",
            "how do i block a lost sim card",
            "unblock my sim, i found my phone",
            "my phone is gone, stop all calls",
            "left my {device} on the train, nobody should be able to use it",
            "a thief has my {device}",
        ),
        (
            "Your SIM card is blocked. A new one is on its way to you.",
            "I have blocked the SIM card, nobody can use it now. A replacement with the same number "
            "arrives by {day}. Please report the theft to the police, and change the password of your "
            "account.",
        ),
    ),
    Topic(
        "number_porting",
        3,
        (
            "i want to keep my number",
            "transfer my number {phone} to you",
            "how do i port my number from another provider",
            "take my old number with me",
            "when will my number be ported",
            "the porting of {phone} failed",
            "can i bring my number to the {plan} plan",
            "what do i need for number porting",
            "port my landline number",
            "move my number to another provider",
            "i come from another company and {phone} must stay the same",
            "can everyone still reach me on {phone} when i switch to you",
        ),
        (
            "You can bring your number along. The transfer takes place on {day}.",
            "Give us your number and the contract's end with the former provider; we do the rest. On the "
            "day of the transfer you are out of reach for at most an hour.",
        ),
    ),
    Topic(
        "reset_password",
        6,
        (
            "i forgot my password",
            "reset my password",
            "i cannot log in",
            "my account is locked",
            "the login does not work",
            "send the password link to {email}",
            "i do not get the password reset email",
            "how do i change my password",
            "my login code never arrives",
            "log in error, wrong password",
            "your app keeps throwing me out",
            "i am locked out, my mail is {email}",
        ),
        (
            "I have sent you a link to set a new password. It is valid for one hour.",
            "You can set a new password with the link that I have just sent. If it does not arrive "
            "within minutes, look into the folder for spam, and check that we have your present e-mail "
            "address.",
        ),
    ),
    Topic(
        "update_contact_details",
        3,
        (
            "change my email address to {email}",
            "i have a new phone number {phone}",
            "update my contact details",
            "i moved, my new address is {street} in {city}",
            "my name has changed after my wedding",
            "correct my date of birth in the account",
            "how do i change my postal address in my account",
            "i want to change the email of my account",
            "my surname is spelled wrong in your system",
            "use {email} for my account from now on",
            "got married, please fix my surname",
            "write to {email} in future, the old one is gone",
        ),
        (
            "Your details are updated.",
            "I have changed it in your account. For your safety, we send a note about the change to the "
            "old and to the new address.",
        ),
    ),
    Topic(
        "close_account",
        2,
        (
            "i want to end my contract",
            "terminate my contract",
            "close my account",
            "how do i quit my contract",
            "what is the notice period",
            "delete my account and all my data",
            "end my {plan} contract in {month}",
            "i am leaving you for another provider, end my contract",
            "when does my contract end",
            "confirm the termination of my contract",
            "i do not want to be your customer any more",
            "get me out of this {plan} contract",
        ),
        (
            "I am sorry to see you go. A colleague takes care of your contract and calls you back today.",
            "A colleague from our contract team takes over here. Please stay in the chat, it takes a few minutes.",
        ),
        handoff=True,
    ),
    Topic(
        "speak_to_human",
        4,
        (
            "i want to talk to a human",
            "connect me to an agent",
            "can i speak to a real person",
            "let me talk to someone",
            "is there a human here",
            "give me a person from customer service",
            "can somebody call me back on {phone}",
            "i do not want to talk to a bot",
            "agent please",
            "transfer me to a colleague",
            "human being, now",
            "put a member of staff on",
        ),
        (
            "I am passing you on to a colleague. The wait is about three minutes.",
            "Of course. A colleague is with you in a few minutes and can read what we wrote so far.",
        ),
        handoff=True,
    ),
    Topic(
        "store_hours",
        3,
        (
            "when does the {city} store open",
            "what are your opening hours",
            "is the shop in {city} open on {day}",
            "where is your nearest store",
            "address of your shop in {city}",
            "until when are you open today",
            "are you open on sunday",
            "do i need an appointment in the store",
            "store hours in {city} please",
            "find a shop near {city}",
            "can i just walk in on {day} in {city}",
            "how late can i come by the {city} branch",
        ),
        (
            "Our shop in {city} is open from nine to seven, Monday to Saturday.",
            "The nearest shop is in {city}, Market Square 4. It is open Monday to Saturday from nine to "
            "seven; you need no appointment.",
        ),
    ),
    Topic(
        "greeting",
        3,
        (
            "hello",
            "hi",
            "hi there",
            "good morning",
            "good evening",
            "hey",
            "hello, is anyone here",
            "hi bot",
            "good afternoon",
            "hello there",
            "morning all",
            "hey you",
        ),
        ("Hello! How can I help you?", "Good to see you. What can I do for you today?"),
    ),
    Topic(
        "thanks",
        3,
        (
            "thank you",
            "thanks a lot",
            "that helped, thank you",
            "great, bye",
            "ok thanks",
            "perfect, thank you very much",
            "thanks, that is all",
            "bye",
            "have a nice day",
            "you solved my problem, thanks",
            "cheers mate",
            "super, that was it",
        ),
        ("You are welcome!", "Glad to help. Have a good day!"),
    ),
)
"""All topics that the bot is trained for."""

INTENTS = tuple(topic.name for topic in TOPICS)
"""The names of the intents; the catalogue entry of the chatbot lists the same ones."""

OUT_OF_SCOPE = (
    "what is the weather in {city} on {day}",
    "tell me a joke",
    "who won the match on {day}",
    "how do i bake a chocolate cake",
    "what is the capital of {country}",
    "can you write a poem about {month}",
    "book me a table for two in {city}",
    "what do you think about politics",
    "how old are you",
    "translate good luck into spanish",
    "i feel sad today",
    "which horse should i bet on",
    "how tall is the highest mountain of {country}",
    "recommend a film for tonight",
    "asdf jkl",
    "do you dream",
    "best recipe for pancakes",
    "what is the meaning of life",
)
"""What people ask a support desk although it cannot know."""

NEW_PRODUCT = (
    "how much is the solar panel subscription per month",
    "when will the solar panels be installed on my roof",
    "is the battery included in the solar subscription",
    "my solar panels produce nothing since {day}",
    "can i sell surplus power back to the grid",
    "does the solar offer work for a flat roof in {city}",
    "the inverter shows error {gb}",
    "how many kilowatt hours did my panels make in {month}",
    "do i need a permit from {city} for the panels",
    "who cleans the solar panels",
    "is my roof suitable for the solar subscription",
    "i saw the ad for solar panels, what is the price",
    "can tenants sign up for the balcony panels",
    "what happens to the panels when i sell my house",
    "can i pause the solar subscription in winter",
    "the fitter for my panels did not come on {day}",
    "solar app shows no production",
    "how long does the solar subscription run",
    "sign me up for the solar panel subscription",
    "will the panels work during a power cut",
    "feed in tariff for solar power",
    "is there a subsidy for solar in {city}",
    "what does the wallbox for my electric car cost with solar",
    "one of the panels on my roof has a crack",
)
"""Questions on a product line that was launched after the bot was trained: words that it half knows, in a
sense that it does not."""
